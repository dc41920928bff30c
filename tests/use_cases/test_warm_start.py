"""Searches that start from the results of earlier ones."""

import math

import pytest

from hpo.core.errors import UserError
from hpo.core.events import Reported, TrialStarted
from hpo.ledger.searches import read_history
from hpo.spec import parse_spec
from hpo.use_cases.search.warm_start import warm_start_of

OLD = {
    "version": 1,
    "name": "old",
    "data": {"source": "digits"},
    "trainable": "image_classifier",
    "recipe": {"model": {"name": "mlp"}},
    "space": {
        "learning_rate": {"loguniform": [1e-4, 1.0]},
        "batch_size": {"choice": [32, 64, 128]},
        "optimizer": {"choice": ["momentum", "adamw"]},
        "optimizer.momentum": {"uniform": [0.0, 0.95]},
    },
    "scheduler": {"name": "leaders", "max_epochs": 9},
    "budget": {"trials": 30},
    "finalists": {"count": 1, "seeds": 1},
}
NEW = {**OLD, "name": "new", "warm_start": ["old-1"], "budget": {"trials": 14}}


def value(recipe):
    """Best at a learning rate of 0.02, and with adamw."""
    off = abs(math.log10(recipe["learning_rate"]) - math.log10(0.02))
    return 0.9 - 0.1 * off - 0.05 * (recipe["optimizer"]["name"] == "momentum")


def trials(ledger):
    return [r.event for r in ledger.read(kinds=[TrialStarted]) if not r.event.replicate]


def test_the_best_points_come_first_and_are_good_and_different(recorded):
    recorded.search(parse_spec(OLD), value)
    first = [each for each in trials(recorded.search(parse_spec(NEW), value)) if each.origin == "warm_start"]
    assert [each.trial for each in first] == list(range(len(first)))
    assert 2 <= len(first) <= 4
    assert len({str(each.point) for each in first}) == len(first)
    assert max(value(each.recipe) for each in first) > 0.87


def test_lessons_are_recorded_and_improve_the_search(recorded):
    recorded.search(parse_spec(OLD), value)
    warm, cold = (recorded.search(parse_spec(spec), value) for spec in (NEW, {**NEW, "warm_start": []}))
    history = read_history(warm)
    assert len(history.opened.warmth["lessons"][0]["rows"]) >= 20
    assert read_history(cold).opened.warmth == {}
    means = [sum(value(t.recipe) for t in trials(ledger)) / 14 for ledger in (warm, cold)]
    assert means[0] > means[1]


def test_a_resumed_search_ignores_later_trials_of_the_earlier_one(recorded):
    old = recorded.search(parse_spec(OLD), value, events=150)
    whole = recorded.search(parse_spec(NEW), value)
    broken = recorded.search(parse_spec(NEW), value, events=60)
    recorded.run(parse_spec(OLD), old, value)
    recorded.run(parse_spec(NEW), broken, value)
    assert [t.point for t in trials(whole)] == [t.point for t in trials(broken)]
    assert [t.origin for t in trials(whole)] == [t.origin for t in trials(broken)]


def test_unsuitable_parameters_are_reported(recorded):
    recorded.search(parse_spec(OLD), value)
    space = {
        "learning_rate": {"loguniform": [0.01, 10.0]},
        "optimizer": {"choice": ["adam", "sgd"]},
        "activation": {"choice": ["relu", "gelu"]},
    }
    found = warm_start_of(parse_spec({**NEW, "space": space, "sampler": "tpe"}), recorded.home)
    notes = "\n".join(found.notes)
    assert "none of its values of optimizer is legal in this space" in notes
    assert "it did not vary activation" in notes
    assert "it varied batch_size, optimizer.momentum, which this space does not" in notes
    assert "lie outside this space and are left out (learning_rate" in notes
    assert "tpe does not learn from earlier results" in notes
    (lesson,) = found.warm_start.earlier
    assert lesson.names == ("learning_rate",)
    assert all(point["learning_rate"] >= 0.01 for point in lesson.points)


def test_a_search_without_common_parameters_is_not_used(recorded):
    recorded.search(parse_spec(OLD), value)
    other = parse_spec({**NEW, "space": {"activation": {"choice": ["relu", "gelu"]}}})
    found = warm_start_of(other, recorded.home)
    assert found.warm_start.earlier == ()
    assert "shares no parameter with this space" in found.notes[0]


def test_a_search_without_results_is_not_used(recorded):
    recorded.search(parse_spec(OLD), value, events=2)
    found = warm_start_of(parse_spec(NEW), recorded.home)
    assert found.warm_start.earlier == ()
    assert "none of its trials has reached a rung yet" in found.notes[0]


def test_recipes_come_before_searches_and_are_fitted(recorded, tmp_path):
    recorded.search(parse_spec(OLD), value)
    (tmp_path / "good.yaml").write_text(
        "version: 1\ntrainable: image_classifier\n"
        "recipe: {learning_rate: 5.0, batch_size: 64, optimizer: adamw, model: {name: mlp}}\n"
    )
    spec = parse_spec({**NEW, "warm_start": ["old-1", "good.yaml"]}, base=tmp_path)
    found = warm_start_of(spec, recorded.home)
    assert found.warm_start.first[0] == {"learning_rate": 1.0, "batch_size": 64, "optimizer": "adamw"}
    assert any("good.yaml: learning_rate: 5 is not" in note for note in found.notes)


def test_a_missing_search_is_a_user_error(recorded):
    with pytest.raises(UserError, match="warm_start: there is no search 'old-1'"):
        warm_start_of(parse_spec(NEW), recorded.home)


def test_results_of_the_old_search_are_not_reported_again(recorded):
    recorded.search(parse_spec(OLD), value)
    new = recorded.search(parse_spec(NEW), value)
    started = {event.trial for event in trials(new)}
    assert {r.event.trial for r in new.read(kinds=[Reported])} <= started
    assert len(started) == 14
