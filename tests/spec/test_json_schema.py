"""The schema for editors accepts what the reader accepts, and is the file that ships."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from hpo.spec import read_spec, schema
from hpo.spec.builtin import folder, specs
from hpo.spec.json_schema import FILE, schema_text
from hpo.spec.yaml_text import read_text
from tests.spec.test_domain_laws import RANGES

VALIDATOR = jsonschema.Draft202012Validator(schema())


def test_the_shipped_file_is_the_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert (folder() / FILE).read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("path", specs().values(), ids=specs())
def test_shipped_specs_and_their_normal_form_are_valid(path: Path) -> None:
    assert not list(VALIDATOR.iter_errors(read_text(path).value))
    stored = {
        key: value for key, value in read_spec(path).document.items() if key not in ("base", "defaults")
    }
    assert not list(VALIDATOR.iter_errors(stored))
    assert path.read_text(encoding="utf-8").startswith(f"# yaml-language-server: $schema={FILE}\n")


@pytest.mark.parametrize(
    "change",
    [
        {"spaze": {}},
        {"version": 2},
        {"space": {"a": {"uniform": [0]}}},
        {"space": {"a": {"uniform": [0, 1], "choice": [1]}}},
        {"space": {"a": {"randint": [0.5, 1]}}},
        {"space": {"a": {"choise": [1]}}},
        {"sampler": "tp"},
        {"scheduler": "median"},
        {"data": {"source": "digits", "validation": 1.5}},
        {"forbid": [{}]},
    ],
)
def test_mistakes_are_marked(change: dict[str, Any]) -> None:
    value = {**read_text(specs()["digits"]).value, **change}
    assert list(VALIDATOR.iter_errors(value))


@settings(max_examples=50)
@given(written=RANGES)
def test_every_range_that_can_be_read_is_valid_in_an_editor(written: dict[str, Any]) -> None:
    value = {**read_text(specs()["digits"]).value, "space": {"x": written}}
    assert [error.message for error in VALIDATOR.iter_errors(value)] == []
