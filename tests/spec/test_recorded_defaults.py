"""Specs on record keep the defaults that they were recorded with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hpo.core.errors import InvalidSpec
from hpo.spec import SearchSpec, parse_spec, read_spec

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


def test_a_file_cannot_choose_its_defaults(tmp_path) -> None:
    (tmp_path / "spec.yaml").write_text(json.dumps({**SPEC, "defaults": 2}))
    with pytest.raises(InvalidSpec, match="defaults: is not allowed in a file"):
        read_spec(tmp_path / "spec.yaml")
