"""Scoring the test part fails in the user's code: that is on record, and fixed code takes up the claim."""

import json

import numpy as np
import pytest

from hpo.core import events
from hpo.core.errors import HpoError, Refused
from hpo.core.events import End
from hpo.core.home import Home
from hpo.core.recipe import Recipe
from hpo.core.unread_claims import CLAIMED_BEFORE
from hpo.core.user_code import code_digests
from hpo.ledger.searches import read_history
from hpo.ledger.store import LedgerStore
from hpo.running import checkpoints
from hpo.spec import read_spec
from hpo.use_cases.dataset.register_access import open_register
from hpo.use_cases.dataset.split_dataset import split_dataset_of
from hpo.use_cases.model.evaluation import evaluate
from hpo.use_cases.model.home_openings import openings_in_home
from hpo.use_cases.open_test import open_test_part
from trainables.functions.saved_state import saved

CODE = """
import numpy as np
import hpo

def line(part):
    random = np.random.default_rng(0 if part == "development" else 1)
    inputs = random.normal(size=(40, 2)).astype("float32")
    return inputs, inputs.sum(1)

@hpo.trainable(metrics={"mse": "min"})
def fit(run, data, *, rate=0.1): ...

@fit.build
def build(run):
    return {"slope": np.zeros(1)}

@fit.evaluate
def evaluate(run, model, dataset):
    FAULT
    return {"mse": np.square(dataset.targets - model["slope"] * dataset.inputs.sum(1))}
"""
SPEC = """
version: 1
data: {source: "scored:line"}
trainable: scored:fit
space: {rate: {uniform: [0.01, 0.2]}}
scheduler: {name: none, max_epochs: 1}
budget: {trials: 1}
finalists: {count: 1, seeds: 1}
"""


def write(folder, fault):
    (folder / "scored.py").write_text(CODE.replace("FAULT", fault))


@pytest.fixture
def won(tmp_path, monkeypatch):
    """A search with a winner whose test part is sealed."""
    monkeypatch.setenv("HPO_REGISTER", str(tmp_path / "register.db"))
    write(tmp_path, "pass")
    (tmp_path / "scored.yaml").write_text(SPEC)
    spec, home = read_spec(tmp_path / "scored.yaml"), Home(tmp_path / "home").create()
    facts = split_dataset_of(spec.data, spec.base, home).facts()
    ledger = LedgerStore.at(home.ledger).create(
        "mine", events.SearchOpened(spec.document, spec.digest, facts, {}, {}), "mine"
    )
    file = home.search("mine").weights / "0-1.safetensors"
    sha256 = checkpoints.write(file, saved("model", {"slope": np.ones(1)}))
    recipe = Recipe(spec.recipe_of({"rate": 0.1})).to_dict()
    for replicate in (0, 1):
        weights = ("0-1.safetensors", sha256) if replicate else ("", "")
        ledger.append(
            [
                events.TrialStarted(0, replicate, {"rate": 0.1}, recipe, 7, "sampler"),
                events.Reported(0, replicate, 1, {"validation/mse": 0.0}, 1.0),
                events.TrialEnded(0, replicate, End.FINISHED, 1, 0.0, None, "", *weights),
            ]
        )
    ledger.append([events.FinalistsNamed((0,)), events.WinnerNamed(0, 1, 0.0, float("nan"), 1, "only one")])
    return home, ledger


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("raise KeyError('mine')", "KeyError: 'mine' (line"),
        pytest.param(
            "return {'other': 1.0}",
            "evaluate returned other; the declared metrics are mse",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_failure_is_on_record_and_fixed_code_takes_up_the_claim(won, tmp_path, fault, text):
    home, ledger = won
    write(tmp_path, fault)
    with pytest.raises(HpoError, match="failed before a score was known") as failed:
        evaluate(home, "mine")
    assert text in str(failed.value)
    history = read_history(ledger)
    assert history.score is None
    assert text in history.warnings[-1]
    write(tmp_path, "pass")
    with pytest.raises(Refused, match="no score on record"):
        evaluate(home, "mine")
    evaluate(home, "mine", "the code is fixed")
    history = read_history(ledger)
    assert history.warnings[-1] == CLAIMED_BEFORE
    assert history.score is not None
    assert history.score.scores["mse"]["value"] == pytest.approx(0.0, abs=1e-9)
    failure, opening = open_register().all()
    assert (failure.search, failure.look, failure.state) == ("mine", 1, "failed")
    assert (opening.search, opening.look, opening.reason) == ("mine", 2, "the code is fixed")
    assert json.dumps(list(history.score.methods))


def test_a_stop_before_the_claim_leaves_the_test_part_sealed(won):
    home, ledger = won
    asked = []

    def stop():
        asked.append(read_history(ledger).claim)
        return len(asked) == 1

    assert evaluate(home, "mine", stop=stop) is False
    history = read_history(ledger)
    assert (history.claim, history.score, open_register().all()) == (None, None, [])
    assert evaluate(home, "mine", stop=stop) is True
    assert read_history(ledger).score is not None
    assert asked == [None, None], "asked once an attempt, before the claim"
    assert evaluate(home, "mine", stop=stop) is True, "a score on record needs no claim"
    assert len(asked) == 2


def test_a_driver_that_fails_before_the_claim_leaves_the_test_part_sealed(won):
    home, ledger = won

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(home, "mine", stop=stop)
    assert read_history(ledger).claim is None


def test_an_opening_that_this_home_alone_knows_is_complete(won, tmp_path, monkeypatch):
    home, _ = won
    evaluate(home, "mine")
    (known,) = open_register().all()
    monkeypatch.setenv("HPO_REGISTER", str(tmp_path / "another.db"))
    spec = read_spec(tmp_path / "scored.yaml")
    (found,) = openings_in_home(home, split_dataset_of(spec.data, spec.base, home).prepared, open_register())
    for name in (
        "key",
        "fingerprint",
        "n",
        "search",
        "home",
        "source",
        "recipe",
        "look",
        "reason",
        "state",
        "scores",
    ):
        assert getattr(found, name) == getattr(known, name), name
    assert (found.look, found.state, found.overlap) == (1, "completed", 1.0)


def test_code_that_was_changed_must_give_the_validation_score_again(won, tmp_path):
    home, ledger = won
    ledger.append([events.CodeChanged("resume", (), code_digests("scored:fit", tmp_path))])
    write(tmp_path, "model = {'slope': 0 * model['slope']}")
    with pytest.raises(Refused, match="changed since trial 0 was trained, and validation/mse was reported"):
        open_test_part("mine", home=home, changed_code=True)
    assert read_history(ledger).claim is None
    assert open_register().all() == []
    write(tmp_path, "dataset = dataset")
    outcome = open_test_part("mine", home=home, changed_code=True)
    assert outcome.test is not None
    assert len(read_history(ledger).code_changes) == 3
