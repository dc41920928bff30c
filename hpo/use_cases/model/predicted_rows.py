"""Recognise rows of a test part among those that a model is about to predict.

With the labels of test rows, predictions show how good a model is on them. So rows of a test
part that come with their labels are a look at it; rows without labels are named.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpo.core.errors import HpoError
from hpo.core.formatting import count
from hpo.core.home import Home
from hpo.data.cut import NEW, TEST, Cut, RowMarks
from hpo.data.prepared import MANIFEST, Prepared, mapped, read
from hpo.data.row_keys import keys_of_columns, text_keys, whole
from hpo.ledger.opening import WITHDRAWN
from hpo.ledger.searches import opened_of
from hpo.ledger.store import LedgerStore
from hpo.spec.data_fields import Data
from hpo.spec.recipe_files import RecipeFile
from hpo.use_cases.dataset.register_access import existing_register
from trainables.data.digests import as_keys
from trainables.data.unlabelled import Unlabelled

RECURRING = 0.3
"""Share of test rows with equals in the development part from which rows cannot be told apart."""
FEWEST = 8
"""Edited rows that must be found for them to count."""


@dataclass(frozen=True)
class KnownRows:
    """Rows of a test part among the rows to predict.

    Attributes:
        rows: How many.
        of: Number of rows to predict.
        fingerprint: Fingerprint of the test part.
        home: Home that holds the data; None if only the register knows it.
        prepared: The data as that home holds it.
        searches: Searches of that home on this data, oldest first.
    """

    rows: int
    of: int
    fingerprint: str
    home: Home | None = None
    prepared: Prepared | None = None
    searches: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What they are, in a clause."""
        of = f" of {self.searches[0]}" if self.searches else ""
        return f"{self.rows:,} of the {count(self.of, 'row')} are in the test part{of}"


def known_rows(rows: Unlabelled, recipe: RecipeFile, homes: Sequence[Home]) -> KnownRows | None:
    """Return rows of a test part among those to be predicted; of several test parts, the one with most.

    Test parts are those of all data in the homes, and all that the register has on record. Practice data
    does not count.

    Args:
        rows: The rows.
        recipe: Recipe of the model.
        homes: Homes whose data is compared.
    """
    matches = [match for home in homes for match in _in_home(home, rows, recipe)] or _in_register(rows)
    return max(matches, key=lambda match: match.rows, default=None)


def homes_of(recipe: RecipeFile, home: Home | None) -> list[Home]:
    """Return the homes that exist of the given one and of the one that a recipe names."""
    model = recipe.provenance.get("model")
    folder = Path(str(model.get("folder", ""))) if isinstance(model, Mapping) else Path()
    homes = [home] if home and home.is_used else []
    if len(folder.parents) > 2 and folder.parents[2].is_dir():
        with contextlib.suppress(HpoError):  # somebody else's
            homes += [Home.at(folder.parents[2])]
    return [home for home in dict.fromkeys(homes) if home.is_used]


def data_of(known: KnownRows, recipe: RecipeFile) -> Data:
    """Return the `data` section of the first search on the data, otherwise that of a recipe."""
    if known.home and known.searches:
        spec = opened_of(LedgerStore.of(known.home).open(known.searches[0])).spec
        return Data.model_validate(spec["data"])
    return Data.model_validate(recipe.provenance["data"])


def _in_home(home: Home, rows: Unlabelled, recipe: RecipeFile) -> Iterator[KnownRows]:
    marks = _marks(rows)
    searches = _searches(home)
    for folder in sorted(home.root.glob(f"data/*/{MANIFEST}")):
        data = read(folder.parent)
        if data is None or data.test is None or data.info.kind != _kind(recipe):
            continue
        shown = searches.get(data.fingerprint, ())
        if not shown and "data" not in recipe.provenance:
            continue
        n = max(_equal(rows, data), _edited(marks, Cut.read(data.cut_file)))
        if n:
            yield KnownRows(n, len(rows.names), data.test.fingerprint, home, data, shown)


def _in_register(rows: Unlabelled) -> list[KnownRows]:
    register = existing_register()
    openings = [opening for opening in register.all() if opening.state != WITHDRAWN] if register else []
    if register is None or not openings:
        return []
    counts, marks = register.rows_in_parts(rows.digests), _marks(rows)
    cuts = {part: Cut.from_bytes(content) for part, content in register.cuts_of(openings).items()}
    rows_by_part = {
        opening.fingerprint: max(
            _telling(counts[opening.fingerprint], len(rows.names), _recurring(cuts.get(opening.fingerprint))),
            _edited(marks, cuts.get(opening.fingerprint)),
        )
        for opening in openings
    }
    return [KnownRows(n, len(rows.names), part) for part, n in rows_by_part.items() if n]


def _kind(recipe: RecipeFile) -> str:
    return str(recipe.provenance["info"]["kind"])


def _searches(home: Home) -> dict[str, tuple[str, ...]]:
    """Return the names of the searches on each data set, by its fingerprint."""
    store, names = LedgerStore.of(home), dict[str, tuple[str, ...]]()
    for name in store.names():
        data = opened_of(store.open(name)).split["data"]
        names[data] = (*names.get(data, ()), name)
    return names


def _marks(rows: Unlabelled) -> RowMarks | None:
    if not rows.cells:
        return None
    keys, _ = keys_of_columns(rows.cells, len(rows.names))
    return RowMarks(keys, {}, np.zeros(0, np.uint64) if rows.ids is None else text_keys(rows.ids))


def _equal(rows: Unlabelled, data: Prepared) -> int:
    """Return how many rows are equal to test rows."""
    assert data.test is not None
    if not data.test.digests.exists():
        return 0
    test_digests = np.asarray(mapped(data.test.digests))
    n = int(np.isin(as_keys(rows.digests), as_keys(test_digests)).sum())
    copies = len(mapped(data.test.copies)) if data.test.copies.exists() else 0
    return _telling(n, len(rows.names), copies / max(1, data.test.n))


def _edited(marks: RowMarks | None, cut: Cut | None) -> int:
    """Return how many rows are test rows whose columns were edited."""
    if marks is None or cut is None:
        return 0
    exact = cut.exact_sides(marks)
    n = int((exact == TEST).sum())
    if not n:
        likely = int(((cut.likely_sides(marks, exact) == TEST) & (exact == NEW)).sum())
        n = likely if likely >= FEWEST else 0
    return _telling(n, len(marks), _recurring(cut))


def _recurring(cut: Cut | None) -> float:
    """Return the share of test rows with an equal row in the development part."""
    if cut is None or not cut.test.any():
        return 0.0
    keys = whole(cut.keys)
    return float(np.isin(keys[cut.test], keys[~cut.test]).mean())


def _telling(n: int, of: int, recurring: float) -> int:
    """Return a number of equal rows, or 0 if equal rows of other data would give as many."""
    return n if recurring <= RECURRING and n > 3 * recurring * of else 0
