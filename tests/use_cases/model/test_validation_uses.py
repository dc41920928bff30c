"""Validation rows are used up by every search on them; the register counts the searches and their trials."""

import numpy as np
import pytest

from hpo.core import events
from hpo.core.events import End
from hpo.core.home import Home
from hpo.ledger.searches import read_history
from hpo.ledger.store import LedgerStore
from hpo.reports.account import page
from hpo.spec import read_spec
from hpo.use_cases.account import account_of
from hpo.use_cases.dataset.register_access import open_register
from hpo.use_cases.dataset.split_dataset import split_dataset_of
from hpo.use_cases.model.validation_uses import use_counted
from hpo.use_cases.submit import open_search

SPEC = """
version: 1
data: {source: csv, arguments: {file: rows.csv, target: y, task: classification}}
trainable: tabular
space: {learning_rate: {loguniform: [0.01, 0.3]}}
scheduler: {name: asha, max_epochs: 3, first_rung: 1}
budget: {trials: 3}
finalists: {count: 2, seeds: 2}
"""


def rows(n=200, seed=0):
    random = np.random.default_rng(seed)
    table = np.round(random.normal(size=(n, 6)), 4)
    return [[*map(str, row), str(int(row[0] > 0))] for row in table]


def write(path, table, names="abcdefy"):
    path.write_text("\n".join([",".join(names), *map(",".join, table)]) + "\n")


def finished():
    """Events of a search of three trials, two of which were trained again."""
    recipe = {"learning_rate": 0.1}
    trials = [
        event
        for trial in range(3)
        for event in (
            events.TrialStarted(trial, 0, recipe, recipe, trial, "sampler"),
            events.TrialEnded(trial, 0, End.FINISHED, 3, 0.9 - trial / 100),
        )
    ]
    fresh = [
        event
        for trial in range(2)
        for replicate in (1, 2)
        for event in (
            events.TrialStarted(trial, replicate, recipe, recipe, 10 * trial + replicate, "finalist"),
            events.TrialEnded(trial, replicate, End.FINISHED, 3, 0.88 + replicate / 100),
        )
    ]
    return [
        *trials, events.FinalistsNamed((0, 1)), *fresh, events.WinnerNamed(0, 1, 0.89, 0.01, 2, "best"),
    ]  # fmt: skip


@pytest.fixture
def search(tmp_path):
    """Search a table in a home; every call is another search."""
    (tmp_path / "spec.yaml").write_text(SPEC)
    home = Home(tmp_path / "home").create()

    def run(name, table, *settings, names="abcdefy"):
        write(tmp_path / "rows.csv", table, names)
        spec = read_spec(str(tmp_path / "spec.yaml"), [*settings])
        dataset = split_dataset_of(spec.data, spec.base, home)
        ledger = open_search(LedgerStore.at(home.ledger), spec, dataset, name, {})
        with use_counted(spec, dataset, ledger):
            ledger.append(finished())
        return home, ledger

    return run


def test_searches_and_trials_on_the_same_validation_rows_are_counted(search):
    _, first = search("first", rows())
    assert read_history(first).used_before is None
    assert [(use.search, use.trials) for use in open_register().uses()] == [("first", 3)]
    home, second = search("second", rows(), names="uvwxzsy")
    used = read_history(second).used_before
    assert (used.searches, used.trials, used.register) == (1, 3, str(open_register().location))
    _, third = search("third", [[row[0], *row[2:]] for row in rows()], names="acdefy")
    assert read_history(third).used_before.trials == 6
    account = account_of("second", home=home)
    assert (account.validation_use.searches, account.validation_use.trials) == (2, 6)
    text = " ".join(page(account).split())
    assert "these validation rows were used by 2 searches and 6 trials of this register" in text
    assert "subtracted for what earlier searches on these rows may have learnt" in text
    before = account_of("first", home=home)
    assert before.validation_use is None
    assert account.numbers.corrected.value < before.numbers.corrected.value
    assert account.numbers.winner.value == before.numbers.winner.value


def coarse(seed):
    return [[str(round(float(cell))) for cell in row] for row in rows(seed=seed)]


@pytest.mark.slow
def test_other_rows_and_another_split_are_not_counted(search):
    search("first", rows())
    search("coarse", coarse(0))
    for name, table, settings in (
        ("other", rows(seed=1), ()),
        ("split", rows(), ("data.split_seed=7",)),
        ("equal", coarse(1), ()),  # rows of the few values that the others have
    ):
        assert read_history(search(name, table, *settings)[1]).used_before is None


def test_a_register_that_cannot_be_used_costs_the_count_and_not_the_search(search, monkeypatch, tmp_path):
    home, _ = search("first", rows())
    spec = read_spec(str(tmp_path / "spec.yaml"), [])
    dataset = split_dataset_of(spec.data, spec.base, home)
    ledger = open_search(LedgerStore.at(home.ledger), spec, dataset, "second", {})
    monkeypatch.setenv("HPO_REGISTER", str(home.ledger / "below" / "a" / "file.db"))
    with use_counted(spec, dataset, ledger):
        ledger.append(finished())
    history = read_history(ledger)
    assert history.winner is not None
    assert any("uses of these validation rows are not counted" in text for text in history.warnings)
