"""Treat a prediction of labelled test rows as what it is: a look at the test part, on the record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from hpo.core.errors import Refused
from hpo.core.events import TestPredicted
from hpo.core.home import Home
from hpo.core.recipe import Recipe, digest
from hpo.ledger.opening import WITHDRAWN, Opening
from hpo.ledger.register import Register
from hpo.ledger.store import LedgerStore, SearchLedger
from hpo.spec.recipe_files import RecipeFile
from hpo.use_cases.dataset.register_access import open_register
from hpo.use_cases.model.home_openings import known_openings_of, openings_in_home
from hpo.use_cases.model.predicted_rows import KnownRows, data_of, homes_of, known_rows
from hpo.use_cases.model.register_policy import (
    all_openings,
    first_of,
    is_exempt,
    recognition_of,
    rows_of,
    who,
)
from trainables.data.digests import set_digest
from trainables.data.unlabelled import Unlabelled


@contextmanager
def look_recorded(
    rows: Unlabelled, recipe: RecipeFile, file: Path, model: str, home: Home | None, again: str
) -> Iterator[list[str]]:
    """Record a look while labelled test rows are predicted; other rows are predicted without a record.

    Args:
        rows: The rows that are predicted inside the context.
        recipe: Recipe of the model.
        file: File of the rows, for messages.
        model: Digest of the model's weights.
        home: Home in use; None for the one that the recipe names.
        again: Reason for the look; empty to refuse one.

    Yields:
        What the user should know about the rows, one sentence each.

    Raises:
        Refused: If it would be a look and there is no reason for it.
    """
    test_rows = known_rows(rows, recipe, homes_of(recipe, home))
    if test_rows is None or _is_practice(test_rows, recipe):
        yield []
        return
    if not rows.labelled:
        yield [
            f"{file}: {test_rows.sentence}, {_standing(test_rows, recipe)}; with their labels, these "
            "predictions show how good the model is on them"
        ]
        return
    if not again:
        raise Refused(
            f"{file}: {test_rows.sentence}, {_standing(test_rows, recipe)}, and come with their labels, so "
            "predicting them is a look at it. Leave these rows out, or predict them with --again --reason "
            "TEXT, which is recorded as a look"
        )
    register = open_register()
    opening = _begun(register, test_rows, recipe, _key(rows, recipe, test_rows, model), again)
    try:
        recorded = f"recorded as look number {opening.look}"
        yield [f"{file}: {test_rows.sentence}, and come with their labels: {recorded}"]
    except BaseException:
        register.fail(opening.key)
        raise
    register.complete(opening.key, {})


def _is_practice(known: KnownRows, recipe: RecipeFile) -> bool:
    return known.prepared is not None and is_exempt(data_of(known, recipe), known.prepared)


def _standing(known: KnownRows, recipe: RecipeFile) -> str:
    """Return whether the test part was opened, in a clause."""
    openings = _openings(known, recipe)
    return f"opened {first_of(openings)}" if openings else "which is sealed"


def _openings(known: KnownRows, recipe: RecipeFile) -> list[Opening]:
    if known.prepared is None or known.home is None:
        return [
            opening
            for opening in all_openings()
            if opening.fingerprint == known.fingerprint and opening.state != WITHDRAWN
        ]
    return known_openings_of(data_of(known, recipe), known.prepared, None, known.home)


def _key(rows: Unlabelled, recipe: RecipeFile, known: KnownRows, model: str) -> str:
    """Return a key of these predictions: the same rows by the same model are the same look."""
    content = [Recipe(recipe.recipe).digest, model, known.fingerprint, set_digest(rows.digests)]
    return digest(["predict", *content])


def _begun(register: Register, known: KnownRows, recipe: RecipeFile, key: str, again: str) -> Opening:
    """Record the look in the register, then in the ledger of the first search on the data."""
    search = known.searches[0] if known.searches else str(recipe.provenance.get("search", ""))
    opening = Opening(
        key=key,
        fingerprint=known.fingerprint,
        n=known.prepared.test.n if known.prepared and known.prepared.test else 0,
        by=who(),
        search=search,
        home=str(known.home.root) if known.home and known.searches else "",
        source="",
        recipe=Recipe(recipe.recipe).digest,
        reason=again,
        predicted=known.rows,
    )
    if known.prepared is None or known.prepared.test is None or known.home is None:
        return register.begin(opening, np.zeros((0, 2), np.uint64))
    recognition = recognition_of(data_of(known, recipe), known.prepared, None, register.key)
    cut = known.prepared.cut_file.read_bytes() if known.prepared.cut_file.exists() else b""
    elsewhere = openings_in_home(known.home, known.prepared, register)
    begun = register.begin(opening, rows_of(known.prepared.test), recognition, cut, elsewhere)
    if known.searches:
        _write_into(LedgerStore.of(known.home).open(known.searches[0]), begun, register.location)
    return begun


def _write_into(ledger: SearchLedger, opening: Opening, register: str) -> None:
    """Record the look in a ledger, once."""
    event = TestPredicted(
        opening.key,
        opening.predicted,
        opening.recipe,
        opening.by,
        opening.look,
        opening.reason,
        register,
    )
    recorded = [recorded_event.event for recorded_event in ledger.read(kinds=[TestPredicted])]
    if event.key not in {prediction.key for prediction in recorded if isinstance(prediction, TestPredicted)}:
        ledger.append([event])
