"""A search whose training rows are also in its test part is refused, unless its spec accepts the overlap."""

import json

import pytest

from hpo.cli import main as command
from hpo.cli.summaries import summary
from hpo.core import events
from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.core.outcome import outcome_of
from hpo.ledger.searches import read_history
from hpo.ledger.store import LedgerStore
from hpo.spec import read_spec
from hpo.use_cases.dataset.leak_check import find_dataset_leaks, refuse_overlap
from hpo.use_cases.dataset.split_dataset import split_dataset_of
from hpo.use_cases.submit import Submission, open_search, submit_search

SPEC = """
version: 1
data: {source: csv, arguments: {file: rows.csv, test_file: test.csv, target: y}}
trainable: tabular
space: {learning_rate: {loguniform: [1e-3, 0.3]}}
scheduler: {max_epochs: 3}
budget: {trials: 3}
"""
ROWS = [f"{n / 7:.3f},{n * n % 13 / 3:.3f},{n % 2}" for n in range(60)]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,y", *ROWS]) + "\n")
    tests = [f"{n / 9:.4f},{n / 11:.4f},{n % 2}" for n in range(200, 240)]
    (tmp_path / "test.csv").write_text("\n".join(["a,b,y", *ROWS[:20], *tests]) + "\n")
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path


def test_an_overlap_is_refused_before_anything_starts(folder):
    home = Home(folder / "home")
    with pytest.raises(UserError, match=r"training rows are also in the test part.*accept_overlap"):
        submit_search(Submission(read_spec(str(folder / "spec.yaml"), []), home))
    assert LedgerStore.at(home.ledger).names() == []


def test_an_accepted_overlap_is_printed_with_the_score(folder):
    home = Home(folder / "home").create()
    spec = read_spec(str(folder / "spec.yaml"), ["data.accept_overlap=true"])
    dataset = split_dataset_of(spec.data, spec.base, home)
    leaks = find_dataset_leaks(spec.data, spec.base, dataset)
    refuse_overlap(spec.data, leaks)
    ledger = open_search(LedgerStore.at(home.ledger), spec, dataset, "tables", {}, leaks)
    recipe = {"learning_rate": 0.1}
    ledger.append(
        [
            events.TrialStarted(0, 0, recipe, recipe, 1, "sampler"),
            events.WinnerNamed(0, 1, 0.9, 0.01, 2, "the only one"),
            events.TestScored({"accuracy": {"value": 0.9, "low": 0.8, "high": 1.0}}, 60, "t"),
        ]
    )
    history = read_history(ledger)
    shown = dict(summary(outcome_of("tables", history), "hpo ui"))
    assert f"{leaks.train_test} training rows also in the test part" in shown["test"]
    assert any("also in the test part" in warning for warning in history.warnings)


def test_check_reports_leaks_only_if_it_reads_the_data(folder, capfd):
    for option, reported in ((), False), (("--data",), True):
        with pytest.raises(SystemExit) as left:
            command.main(
                ["check", str(folder / "spec.yaml"), "--home", str(folder / "home"), "--json", *option]
            )
        shown = json.loads(capfd.readouterr().out)
        assert left.value.code == (2 if reported else 0)
        assert ("leaks" in shown) is reported
    assert shown["leaks"]["stops"]
    assert shown["leaks"]["train_test"] > 10


def test_check_ends_as_submit_would(folder, capfd):
    typed = ["check", str(folder / "spec.yaml"), "--data", "--home", str(folder / "home")]
    with pytest.raises(SystemExit) as left:
        command.main(typed)
    assert left.value.code == 2
    shown = capfd.readouterr()
    assert "training rows are also in the test part" in shown.out
    assert "data.accept_overlap: true" in " ".join(shown.err.split())
    with pytest.raises(SystemExit) as left:
        command.main([*typed, "--set", "data.accept_overlap=true"])
    assert left.value.code == 0
