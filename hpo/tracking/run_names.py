"""The names of a search and its runs in MLflow."""

from __future__ import annotations

import hashlib

from hpo.core import events
from hpo.core.record import Recorded
from hpo.core.training_state import Key


def run_name(key: Key) -> str:
    """Return a training's name within its search."""
    return f"{key[0]}/{key[1]}"


def search_id(name: str, opened: Recorded) -> str:
    """Return an id that is unique to a search, even where several homes share a tracking server."""
    if not isinstance(opened.event, events.SearchOpened):
        raise ValueError("the first event of a search must be SearchOpened")
    text = f"{name} {opened.event.digest} {opened.time!r}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
