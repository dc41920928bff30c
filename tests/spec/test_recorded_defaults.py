"""Specs on record keep the defaults that they were recorded with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hpo.core.errors import InvalidSpec
from hpo.spec import SearchSpec, parse_spec, read_spec
from hpo.spec.rewriting import without_defaults

SPEC: dict[str, Any] = {
    "version": 1,
    "data": {"source": "iris"},
    "trainable": "tabular",
    "space": {"learning_rate": {"loguniform": [1e-3, 0.1]}},
    "scheduler": {"max_epochs": 9},
    "budget": {"trials": 3},
}


def recipe(spec: SearchSpec) -> dict[str, Any]:
    return spec.recipe_of({"learning_rate": 0.01})


def test_a_new_spec_has_the_present_defaults_and_keeps_them_on_record() -> None:
    spec = parse_spec(SPEC)
    assert spec.document["defaults"] == 2
    assert recipe(spec)["init"]["name"] == "by_model"
    assert recipe(spec)["model"]["embedding_std"] == 0.01
    recorded = parse_spec(json.loads(json.dumps(spec.document)))
    assert recorded == spec
    assert recipe(recorded) == recipe(spec)


def test_a_spec_recorded_earlier_has_the_defaults_of_its_time() -> None:
    document = {key: value for key, value in parse_spec(SPEC).document.items() if key != "defaults"}
    earlier = parse_spec(document)
    assert recipe(earlier)["init"] == {"name": "auto", "zero_bias": True, "zero_residual": True}
    assert recipe(earlier)["model"] == {"name": "mlp", "depth": 2, "width": 128, "embedding": None}
    assert "defaults" not in earlier.document
    assert earlier.digest == parse_spec(SPEC).digest


def test_a_search_on_record_lets_no_slow_starters_pass_that_it_did_not_let_pass_before() -> None:
    document = json.loads(json.dumps(parse_spec(SPEC).document))
    assert document["scheduler"].pop("slow_starters") == parse_spec(SPEC).scheduler.slow_starters == 6
    earlier = parse_spec(document)
    assert earlier.scheduler.slow_starters is None
    assert earlier.document == document
    assert without_defaults(document)["scheduler"] == {"max_epochs": 9, "first_rung": 1, "slow_starters": 0}
    assert "slow_starters" not in without_defaults(parse_spec(SPEC).document)["scheduler"]


@pytest.mark.parametrize("name", ["asha", "leaders", "hyperband"])
def test_slow_starters_are_refused_where_no_trial_would_pass(name: str) -> None:
    scheduler = {"max_epochs": 9, "name": name, "slow_starters": 4}
    with pytest.raises(InvalidSpec, match=f"slow_starters: 4 is without effect with {name}; legal: with"):
        parse_spec({**SPEC, "scheduler": scheduler})


def test_a_file_cannot_choose_its_defaults(tmp_path) -> None:
    (tmp_path / "spec.yaml").write_text(json.dumps({**SPEC, "defaults": 2}))
    with pytest.raises(InvalidSpec, match="defaults: is not allowed in a file"):
        read_spec(tmp_path / "spec.yaml")
