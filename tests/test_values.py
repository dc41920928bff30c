"""Dataclasses are values, frozen, but for those whose purpose is a state."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent

STATEFUL = {
    "AshaRule": "rungs fill up",
    "Faults": "faults are collected",
    "Heads": "the reading of a folder",
    "History": "the replay of events",
    "HyperbandRule": "rungs fill up",
    "Keeper": "what is running",
    "LeadersRule": "rungs fill up",
    "Message": "Ray fills it in",
    "PartialResult": "a training in progress",
    "PausingRung": "a rung fills up",
    "PromoteRule": "rungs fill up",
    "RunChange": "changes of one run are merged",
    "ShortTraining": "a training in progress",
    "StableCut": "a cut in progress",
    "Text": "a file being read",
    "Training": "the replay of events",
    "TrainingParts": "a training in progress",
    "VirtualClock": "time passes",
}
"""Public dataclasses that change, and what changes in them."""


def changing() -> set[str]:
    """Names of the public dataclasses that are not frozen."""
    found = set()
    for package in ("hpo", "trainables"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    decorators = [ast.unparse(each) for each in node.decorator_list]
                    if any("dataclass" in each and "frozen=True" not in each for each in decorators):
                        found.add(node.name)
    return found


def test_only_dataclasses_with_a_state_can_change():
    assert changing() == set(STATEFUL)
