"""What a search says at its start of what happens at its end."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hpo.ledger.opening import Opening
from hpo.ledger.searches import open_ledger, read_history
from hpo.spec import parse_spec
from hpo.spec.composed_spec import composed
from hpo.use_cases.dataset.register_access import open_register
from hpo.use_cases.intention import intention_of, intention_of_search
from tests.use_cases.recorded_search import recorded, searched, won

SCORED = "at the end the winner is scored on the test part, once; the register has none so far"
SEALED = "at the end the test part stays sealed; `hpo test` opens it"


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_REGISTER", str(tmp_path / "register"))


@pytest.mark.usefixtures("register")
def test_a_search_that_continues_says_what_it_will_do(tmp_path: Path) -> None:
    home = recorded(tmp_path, searched())
    assert intention_of_search("digits", home) == SCORED
    assert intention_of_search("digits", home, unseal=False) == SEALED


@pytest.mark.usefixtures("register")
def test_it_does_not_say_that_data_was_never_opened_before_its_rows_are_read(tmp_path: Path) -> None:
    elsewhere = Opening("k", "f", 1, "me", "other-1", "/elsewhere", "a copy of it", "recipe")
    open_register().begin(elsewhere, np.zeros((1, 2), np.uint64))
    said = intention_of_search("digits", recorded(tmp_path, searched()))
    assert said.endswith("on the test part, once; a warning follows if the register knows its rows")


@pytest.mark.usefixtures("register")
def test_a_test_part_on_request_and_a_command_are_not_scored(tmp_path: Path) -> None:
    home = recorded(tmp_path, searched())
    opened = read_history(open_ledger("digits", home)).opened
    assert opened is not None
    spec = parse_spec(opened.spec, source="digits")
    assert intention_of(dataclasses.replace(spec, test="on_request"), home) == SEALED
    command = {"command": ["true", "{lr}"], "metrics": {"loss": "min"}}
    document, base = composed(command, None, {"lr": {"uniform": [0, 1]}}, 4, 3, {})
    assert "no test score" in intention_of(parse_spec(document, source="test", base=base), home)


def test_nothing_is_said_of_a_test_part_that_is_open(tmp_path: Path) -> None:
    assert intention_of_search("digits", recorded(tmp_path, won())) == ""
