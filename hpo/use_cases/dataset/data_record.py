"""What goes on record of a data set when a search is opened: its facts, and the card that its user wrote."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from hpo.core.json_values import JsonObject, jsonable
from hpo.data.part_facts import data_facts
from hpo.spec import SearchSpec
from hpo.use_cases.dataset.split_dataset import SplitDataset

LONGEST = 20_000
"""Characters of a card that go on record."""


def described(spec: SearchSpec, dataset: SplitDataset, telling: tuple[str, float]) -> JsonObject:
    """Return the facts of a search's data as a JSON object.

    Args:
        spec: What is searched.
        dataset: Its data.
        telling: The column that by itself removes the most of the error, and the share that it removes.
    """
    data = spec.data
    facts = data_facts(dataset.prepared, dataset.split, data.source_arguments, spec.base, telling)
    about: JsonObject = jsonable(dataclasses.replace(facts, card=card_text(data.card, spec.base)))
    return about


def card_text(card: str | None, base: Path) -> str:
    """Return the text of a data card: that of the file it names, or the card itself."""
    if not card:
        return ""
    try:
        file = base / card
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else card
    except (OSError, ValueError):  # a text that is too long for a file's name
        text = card
    return text.strip()[:LONGEST]
