"""What was searched is what is scored: changed training code is named, and refused unless it is accepted."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hpo.core import events
from hpo.core.errors import Refused
from hpo.core.home import Home
from hpo.core.record import Recorded
from hpo.ledger.searches import open_ledger, read_history
from hpo.reports.account import page
from hpo.spec import parse_spec
from hpo.use_cases.account import account_of
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.model.code_policy import accepted_code
from tests.use_cases.mean_model import MEAN_MODEL

pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).parent.parent.parent
DATA = """
import numpy as np

def rows(part):
    random = np.random.default_rng(0 if part == "development" else 1)
    n = 60 if part == "development" else 40
    return random.normal(size=(n, 3)).astype("float32"), random.normal(size=n)
"""
SCORING = """
def mse(outputs, targets):
    return float(((outputs - targets) ** 2).mean())
"""
MODEL = f"""
from own_scoring import mse
{MEAN_MODEL}

class Scored(Mean):
    def score(self, outputs, targets):
        return {{"mse": mse(outputs, targets)}}
"""
SPEC = """
version: 1
data: {source: "own_data:rows"}
trainable: own_model:Scored
space: {shift: {uniform: [-1.0, 1.0]}}
scheduler: {name: asha, max_epochs: 3, first_rung: 1}
budget: {trials: 4}
finalists: {count: 2, seeds: 2}
"""
EDITED = SCORING.replace(".mean()", ".mean() / 2")
REFUSED = "own_scoring.py"


def hpo(folder, *words):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HPO_REGISTER": str(folder / "register.db")}
    return subprocess.run(
        [sys.executable, "-m", "hpo.cli.main", *words],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A search with its test part sealed, and its exported recipe."""
    folder = tmp_path_factory.mktemp("own")
    files = {"own_data.py": DATA, "own_scoring.py": SCORING, "own_model.py": MODEL, "own.yaml": SPEC}
    for name, text in files.items():
        (folder / name).write_text(text)
    done = hpo(folder, "submit", "own.yaml", "--name", "own", "--no-test")
    assert done.returncode == 0, done.stderr
    done = hpo(folder, "export", "own", "--out", "recipe.yaml")
    assert done.returncode == 0, done.stderr
    import numpy as np

    np.save(folder / "new.npy", np.zeros((3, 3), "float32"))
    return folder


@pytest.fixture
def edited(searched):
    """The folder after the score function was edited; it is put back afterwards."""
    (searched / "own_scoring.py").write_text(EDITED)
    yield searched
    (searched / "own_scoring.py").write_text(SCORING)


def ledger_of(folder):
    return open_ledger("own", Home(folder / ".hpo"))


def test_every_training_is_recorded_with_what_it_was_made_with(searched):
    record = list(ledger_of(searched).read())
    assert set(record[0].event.code) == {"own_model.py", "own_scoring.py"}
    assert set(record[0].event.source_code) == {"own_data.py"}
    made_with = [r.event.made_with for r in record if isinstance(r.event, events.TrialStarted)]
    assert len(made_with) == 8
    assert len(set(made_with)) == 1
    assert len(made_with[0]) == 64
    assert "own_scoring.py" in (searched / "recipe.yaml").read_text()


@pytest.mark.parametrize(
    "words",
    [
        ("test", "own"),
        ("resume", "own", "--trials", "+1", "--no-test"),
        ("verify", "recipe.yaml"),
        ("predict", "recipe.yaml", "new.npy"),
    ],
    ids=lambda words: words[0],
)
def test_changed_code_is_refused_with_the_names_of_the_files(edited, words):
    before = len(ledger_of(edited).stored())
    done = hpo(edited, *words)
    assert done.returncode == 3
    assert f"has changed since its trials were trained: {REFUSED} in" in done.stderr
    assert "--changed-code" in done.stderr
    assert len(ledger_of(edited).stored()) == before


@pytest.mark.parametrize(
    ("words", "code"),
    [(("test", "own"), 3), (("verify", "recipe.yaml"), 3), (("predict", "recipe.yaml", "new.npy"), 0)],
    ids=["test", "verify", "predict"],
)
def test_changed_code_of_the_data_source_is_refused_where_the_data_is_read(searched, words, code):
    (searched / "own_data.py").write_text(DATA + "# a remark\n")
    done = hpo(searched, *words)
    (searched / "own_data.py").write_text(DATA)
    assert done.returncode == code, done.stderr
    assert ("has changed since its trials were trained: own_data.py in" in done.stderr) == (code == 3)


@pytest.fixture
def other_packages(searched):
    """The recipe as if it had been trained with another version of numpy."""
    path, text = searched / "other.yaml", (searched / "recipe.yaml").read_text()
    path.write_text(re.sub(r"numpy: .*", "numpy: 0.9.1", text))
    return searched


@pytest.mark.parametrize(
    "words", [("verify", "other.yaml"), ("predict", "other.yaml", "new.npy")], ids=["verify", "predict"]
)
def test_other_packages_are_refused_or_named(other_packages, words):
    done = hpo(other_packages, *words)
    assert done.returncode == 3
    assert "have changed since its trials were trained: numpy 0.9.1 -> " in done.stderr
    done = hpo(other_packages, "--json", *words, "--changed-code")
    assert done.returncode == 0, done.stderr
    assert "packages changed: numpy 0.9.1 -> " in done.stdout


def test_verify_and_predict_name_an_accepted_change(edited):
    done = hpo(edited, "--json", "verify", "recipe.yaml", "--changed-code")
    assert f"code changed: {REFUSED}" in json.loads(done.stdout.splitlines()[-1])["reasons"], done.stderr
    done = hpo(edited, "--json", "predict", "recipe.yaml", "new.npy", "--changed-code")
    assert json.loads(done.stdout)["warnings"][0] == f"code changed: {REFUSED}", done.stderr


def test_unchanged_code_predicts_and_verifies(searched):
    assert hpo(searched, "predict", "recipe.yaml", "new.npy").returncode == 0
    assert hpo(searched, "verify", "recipe.yaml").returncode == 0


def accepted(history, now, at="test"):
    """Return a history after code was accepted that has other digests."""
    history.seq += 1
    change = events.CodeChanged(at, (REFUSED,), {**history.code, REFUSED: now})
    history.apply(Recorded(history.seq, history.last_at, change))
    return history


def test_code_that_is_put_back_is_recorded_without_being_accepted_again(searched):
    history = read_history(ledger_of(searched))
    spec = parse_spec(history.opened.spec, source="own")
    first = history.code[REFUSED]
    accepted(history, "0" * 64)
    (event,) = accepted_code("own", spec, history, "test", accept=False)
    assert event.code[REFUSED] == first
    assert [change.code for change in accepted(history, first).put_back] == [event.code]
    assert accepted_code("own", spec, history, "test", accept=False) == []


def test_code_that_only_some_trials_were_trained_with_has_to_be_accepted(searched):
    history = read_history(ledger_of(searched))
    spec = parse_spec(history.opened.spec, source="own")
    accepted(history, "0" * 64, at="resume")
    started = next(r.event for r in ledger_of(searched).read(kinds=[events.TrialStarted]))
    history.apply(Recorded(history.seq + 1, history.last_at, replace(started, trial=99)))
    with pytest.raises(Refused, match=r"since a change was accepted for `hpo resume`: own_scoring\.py in"):
        accepted_code("own", spec, history, "test", accept=False)
    (event,) = accepted_code("own", spec, history, "test", accept=True)
    assert accepted(history, event.code[REFUSED]).put_back == ()


@pytest.mark.slow
def test_an_accepted_change_is_in_the_record_and_in_the_account(edited):
    done = hpo(edited, "resume", "own", "--trials", "+1", "--no-test", "--changed-code")
    assert done.returncode == 0, done.stderr
    history = read_history(ledger_of(edited))
    (change,) = history.code_changes
    assert (change.at, change.files) == ("resume", (REFUSED,))
    started = [r.event for r in ledger_of(edited).read(kinds=[events.TrialStarted])]
    assert len({event.made_with for event in started}) == 2
    (edited / "own_scoring.py").write_text(SCORING)
    refused = hpo(edited, "test", "own", "--changed-code")
    assert (refused.returncode, "but its saved weights, loaded in another process" in refused.stderr) == (
        3,
        True,
    )
    (edited / "own_scoring.py").write_text(f"{EDITED}# nothing else\n")
    done = hpo(edited, "test", "own", "--changed-code")
    assert done.returncode == 0, done.stderr
    account = account_of("own", home=Home(edited / ".hpo"))
    assert [(c.at, c.files) for c in account.code.changes] == [
        ("resume", (REFUSED,)),
        ("test", (REFUSED,)),
        ("test", (REFUSED,)),
    ]
    text = " ".join(page(account).split())
    assert f"changed before resume, and accepted: {REFUSED}" in text
    assert f"changed before test, and accepted: {REFUSED}" in text
    assert account.audit is not None


def test_a_worker_that_opens_changed_code_refuses_it(edited):
    recorded = read_history(ledger_of(edited)).code | {"own_model.py": "0" * 64}
    staging = DataStaging("own_model:Scored", edited, edited, edited, recorded)
    with pytest.raises(Refused, match=r"the code of this search has changed .*own_model\.py"):
        staging()
