"""The model of a search depends only on its record, whatever its kind."""

import dataclasses
import math

import pytest

from hpo.core import events
from hpo.core.events import Cause, End
from hpo.core.history import History
from hpo.core.json_values import fields_of
from hpo.core.objective import Objective
from hpo.core.record import Recorded, event_of
from hpo.core.shipped_model import (
    Ship,
    all_trained,
    digest_of,
    epochs_needed,
    members_of,
    model_of,
    retraining,
    to_train,
)
from hpo.core.training_state import RETRAINED

OBJECTIVE = Objective("accuracy", "max", "best")


def searched(ship, curves, finalists=None, extra=()):
    """A search with a winner, trial 1; curves: (trial, replicate) to accuracies, None for a failure."""
    spec = {"finalists": {"count": 2, "seeds": 2, **(finalists or {})}, "ship": ship}
    record = [events.SearchOpened(spec if ship else {}, "d", {}, {})]
    for trial in (0, 1):
        record += [
            events.TrialStarted(trial, 0, {}, {"rate": trial}, 9, "sampler"),
            events.TrialEnded(trial, 0, End.FINISHED, 4, 0.5),
        ]
    record.append(events.FinalistsNamed((0, 1)))
    for key, curve in curves.items():
        record.append(events.TrialStarted(*key, {}, {"rate": key[0]}, sum(key), "finalist"))
        for epoch, value in enumerate(curve or (), 1):
            record.append(events.Reported(*key, epoch, {"validation/accuracy": value}, 1.0))
        end = End.FINISHED if curve else End.FAILED
        value = max(curve) if curve else math.nan
        name = f"{key[0]}-{key[1]}"
        record.append(events.TrialEnded(*key, end, 4, value, weights=name, sha256=f"sum of {name}"))
    record.append(events.WinnerNamed(1, 1, 0.9, 0.0, 2, "best"))
    record += extra
    return History.of([Recorded(n, float(n), each) for n, each in enumerate(record, 1)], OBJECTIVE)


CURVES = {
    (0, 1): (0.5, 0.7),
    (0, 2): (0.7, 0.6),
    (1, 1): (0.5, 0.6, 0.9, 0.8),
    (1, 2): (0.9, 0.8, 0.7, 0.6),
}


def files(model):
    return [each["file"] for each in model.members]


@pytest.mark.parametrize(
    ("ship", "expected"),
    [
        ({}, ["1-1"]),
        ({"model": "best"}, ["1-1"]),
        ({"model": "averaged"}, ["1-1"]),
        ({"model": "ensemble"}, ["1-1", "1-2"]),
        ({"model": "ensemble", "of": "finalists"}, ["1-1", "0-1"]),
        ({"model": "ensemble", "of": "finalists", "count": 1}, ["1-1"]),
    ],
)
def test_each_kind_has_its_members_in_a_fixed_order(ship, expected):
    history = searched(ship, CURVES)
    model = model_of(history)
    assert (model.kind, files(model)) == (ship.get("model", "best"), expected)
    assert model.digest == digest_of([f"sum of {name}" for name in expected])
    assert all_trained(history)
    history.model = model
    assert [f"{t.trial}-{t.replicate}" for t in members_of(history)] == expected


def test_a_failed_fresh_training_is_not_a_member():
    history = searched({"model": "ensemble"}, {**CURVES, (1, 2): None})
    assert files(model_of(history)) == ["1-1"]


def test_the_digest_of_one_file_is_its_own_and_of_several_that_of_their_list():
    assert digest_of(["a"]) == "a"
    assert digest_of(["a", "b"]) not in (digest_of(["b", "a"]), "a", "b")


def test_the_winner_is_retrained_for_the_median_of_its_fresh_epochs():
    history = searched({"model": "retrained"}, {**CURVES, (1, 3): (0.1, 0.2, 0.3, 0.4)}, {"seeds": 3})
    assert retraining(history) == to_train(history) == (1, 4)
    assert not all_trained(history)
    assert epochs_needed(history) == 3  # of 3, 1 and 4
    assert epochs_needed(searched({}, CURVES)) == 1  # the lower of 3 and 1


def test_its_number_follows_all_possible_folds():
    history = searched({"model": "retrained"}, CURVES, {"folds": 3})
    assert retraining(history) == (1, 7)


def again(end, **fields):
    started = events.TrialStarted(1, 3, {}, {"rate": 1}, 5, RETRAINED, "all", 3)
    return started, events.TrialEnded(1, 3, end, 3, math.nan, weights="1-3", sha256="s", **fields)


def test_its_weights_are_the_model_and_it_is_not_a_fresh_seed():
    history = searched({"model": "retrained"}, CURVES, extra=again(End.FINISHED))
    assert all_trained(history)
    model = model_of(history)
    assert (model.kind, files(model)) == ("retrained", ["1-3"])
    assert "3 epochs" in model.reason
    assert [t.replicate for t in history.replicates(1)] == [1, 2]


def test_if_it_fails_the_best_checkpoint_is_the_model_with_the_reason():
    failed = again(End.FAILED, cause=Cause.DIVERGED, message="it blew up\nat length")
    model = model_of(searched({"model": "retrained"}, CURVES, extra=failed))
    assert (model.kind, files(model)) == ("best", ["1-1"])
    assert "it blew up" in model.reason


def test_a_record_from_before_models_had_kinds_ships_the_best_checkpoint():
    history = searched(None, CURVES)
    assert all_trained(history)
    assert model_of(history).kind == "best"


def test_added_trials_require_a_new_model():
    model = model_of(searched({}, CURVES))
    history = searched({}, CURVES, extra=[model, events.SearchExtended(3)])
    assert history.model is None


def test_a_model_is_read_back_from_the_ledger():
    model = model_of(searched({"model": "ensemble"}, CURVES))
    fields = fields_of(model)
    assert event_of("ModelFixed", {**fields, "members": list(fields["members"])}) == model


@pytest.mark.parametrize(
    ("ship", "horizon", "epochs"),
    [
        (Ship(), 100, 0),
        (Ship("averaged"), 100, 25),
        (Ship("averaged"), 2, 1),
        (Ship("averaged", epochs=7), 100, 7),
        (Ship("averaged", epochs=7), 5, 5),
    ],
)
def test_by_default_a_quarter_of_the_epochs_is_averaged(ship, horizon, epochs):
    assert ship.averages(horizon) == epochs
    assert dataclasses.replace(ship, model="retrained").reserves(horizon) == horizon
