"""`hpo try` prints what it found, the cost, and a spec to start from."""

import math

import pytest

from hpo.use_cases.health.attempt import Attempt, TryCheck
from tests.use_cases.recorded_search import SPEC

HOLDS = TryCheck("weights", "holds", "saved, loaded and scored alike")
OPEN = TryCheck("seed", "open", "it reports no loss")
FAILS = TryCheck("checkpoint", "fails", "continued, it reports 0.5 instead of 0.6")


def attempt(*findings, rows=None, search=3600.0):
    recipe = {"learning_rate": 0.1, "optimizer": {"name": "sgd", "momentum": 0.9}}
    rows = {"train": (100, 1077), "validation": (50, 360)} if rows is None else rows
    return Attempt(recipe, {"validation/accuracy": 0.5}, rows, findings, 90.0, search)


@pytest.fixture
def tried(tmp_path, monkeypatch, typed):
    """Types the command; trying shows what is given."""
    (tmp_path / "digits.yaml").write_text(SPEC)
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))

    def run(result, *words):
        monkeypatch.setattr("hpo.use_cases.try_recipe.try_recipe", lambda *_, **__: result)
        return typed("try", str(tmp_path / "digits.yaml"), *words)

    return run


def test_all_holds(tried):
    shown = tried(attempt(HOLDS, OPEN))
    found, _, spec = shown.out.partition("\n\n# a spec to start from\n")
    assert shown.code == 0
    assert found.splitlines() == [
        "tried     learning_rate=0.1 optimizer.momentum=0.9 optimizer.name=sgd",
        "rows      100 of 1,077 train, 50 of 360 validation",
        "weights   ok: saved, loaded and scored alike",
        "seed      note: it reports no loss",
        "an epoch  about 1 min 30 s on all rows",
        "a search  about 1 h 00 min on this machine",
    ]
    assert spec.startswith("version: 1\n")
    assert "test: on_request" in spec


def test_what_fails_is_marked_and_no_spec_follows(tried):
    shown = tried(attempt(HOLDS, FAILS, rows={}, search=math.nan))
    assert shown.code == 1
    assert shown.out.splitlines() == [
        "tried       learning_rate=0.1 optimizer.momentum=0.9 optimizer.name=sgd",
        "weights     ok: saved, loaded and scored alike",
        "checkpoint  FAILS: continued, it reports 0.5 instead of 0.6",
        "an epoch    about 1 min 30 s",
        "a search    -",
    ]


@pytest.mark.parametrize(("finding", "code"), [(HOLDS, 0), (FAILS, 1)])
def test_as_json_with_the_spec(tried, finding, code):
    shown = tried(attempt(finding, search=math.nan), "--json")
    spec = shown.json.pop("spec")
    assert (shown.code, spec["version"], spec["test"]) == (code, 1, "on_request")
    body = shown.json
    body.pop("spec")
    assert body == {
        "recipe": {"learning_rate": 0.1, "optimizer": {"name": "sgd", "momentum": 0.9}},
        "metrics": {"validation/accuracy": 0.5},
        "rows": {"train": {"used": 100, "all": 1077}, "validation": {"used": 50, "all": 360}},
        "findings": [{"name": finding.name, "result": finding.result, "detail": finding.detail}],
        "epoch_seconds": 90.0,
        "search_seconds": None,
    }
