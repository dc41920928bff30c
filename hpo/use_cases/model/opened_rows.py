"""Keep test rows that were opened out of the development part of every later search.

A new reading follows the cuts that the register holds, so that opened rows stay test rows. Where that is
not possible, because the spec cuts the rows by another rule or because recognised rows cannot be matched
one by one, a search starts only with ``--new-split`` and a reason.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.core.formatting import count
from hpo.core.home import Home
from hpo.core.likeness import SAME
from hpo.data.cut import DEVELOPMENT, GIVEN, HALF, NEW, TEST, Cut
from hpo.data.prepared import Prepared
from hpo.data.recorded_cuts import CutsOnRecord
from hpo.data.source_reading import recall
from hpo.ledger.opening import WITHDRAWN, Opening
from hpo.ledger.searches import open_ledger, read_history
from hpo.spec import SearchSpec
from hpo.spec.cross_checks import RECIPE_SUFFIXES
from hpo.spec.data_fields import Data
from hpo.spec.recipe_files import read_recipe
from hpo.use_cases.dataset.register_access import existing_register
from hpo.use_cases.dataset.split_dataset import SplitDataset, split_dataset_of
from hpo.use_cases.model.register_policy import is_exempt, moment, openings_of, source_of


@dataclass(frozen=True, slots=True)
class StrayRows:
    """Opened test rows that would be development rows.

    Attributes:
        n: How many; an estimate if they cannot be matched.
        matched: Whether the rows were found one by one.
        opening: The opening by which they were seen.
    """

    n: int
    matched: bool
    opening: Opening

    @property
    def sentence(self) -> str:
        """What is wrong, in a sentence."""
        seen = f"opened for {self.opening.search} at {moment(self.opening.time)}"
        if self.matched:
            return (
                f"{count(self.n, 'row')} of the test part {seen} fall into the development part: the rows "
                "are cut by another rule or share"
            )
        return (
            f"about {count(self.n, 'row')} of the test part {seen} are in this data, but cannot be found one "
            f"by one ({self.opening.evidence or 'rows in common'}) and fall into the development part"
        )


def moved_rows_on_record(spec: SearchSpec, home: Home) -> list[str]:
    """Return the sentences of `moved_rows` for data that the home has read before; reads no data."""
    prepared = recall(spec.data.source, spec.data.source_arguments, home, spec.base)
    if prepared is None:
        return []
    return moved_rows(spec, home, prepared, stray_rows(spec.data, prepared, None))


def moved_rows(spec: SearchSpec, home: Home, prepared: Prepared, stray: StrayRows | None) -> list[str]:
    """Return which opened or sealed rows a search would have been developed on, in sentences.

    Args:
        spec: Spec of the new search.
        home: Home of the searches that it starts from.
        prepared: Its data.
        stray: Opened rows outside the test part, as `new_dataset_of` returns them.
    """
    sentences = [stray.sentence] if stray else []
    for name, fingerprint in _warm_starts(spec, home):
        rows = _trained_on(home, fingerprint, prepared)
        if rows:
            sentences.append(
                f"{count(rows, 'row')} of the test part were development rows of {name}, from which "
                "`warm_start` takes its results"
            )
    return sentences


def refusal_of_split(sentences: Sequence[str]) -> str:
    """Return the message that stops a search."""
    return (
        f"data: {'; '.join(sentences)}. Cut the data as before, or start the search with --new-split "
        "--reason TEXT, which its account shows"
    )


def new_dataset_of(
    data: Data, base: Path, home: Home, *, anew: bool = False
) -> tuple[SplitDataset, StrayRows | None]:
    """Have the data of a new search read and split, opened rows in the test part wherever possible.

    Args:
        data: The `data` section of the spec.
        base: Folder that relative paths start from.
        home: Where the development part is kept.
        anew: Whether to cut the rows for the first time, whatever is on record.

    Returns:
        The data, and opened rows that are nevertheless outside the test part; None without any.

    Raises:
        UserError: If the source or the split is invalid.
    """
    if anew:
        dataset = split_dataset_of(data, base, home, CutsOnRecord(anew=True, afresh=True))
        return dataset, stray_rows(data, dataset.prepared, base)
    register = existing_register()
    openings = [opening for opening in register.all() if opening.state != WITHDRAWN] if register else []
    if register is None or not openings:
        return split_dataset_of(data, base, home), None
    of_source = [opening for opening in openings if opening.source == source_of(data, base)]
    with _files(register.cuts_of(of_source)) as files:
        dataset = split_dataset_of(data, base, home, CutsOnRecord(opened=files))
    if is_exempt(data, dataset.prepared):
        return dataset, None
    same = _same_data(data, dataset.prepared, base)
    cuts = register.cuts_of(same)
    if not cuts or (dataset.prepared.cut_file.exists() and not _stray(dataset.prepared, same, cuts)):
        return dataset, None
    with _files(cuts) as files:
        dataset = split_dataset_of(data, base, home, CutsOnRecord(opened=files, afresh=True))
    return dataset, _stray(dataset.prepared, _same_data(data, dataset.prepared, base), cuts)


def stray_rows(data: Data, prepared: Prepared, base: Path | None) -> StrayRows | None:
    """Return opened test rows outside the test part of data that was read; None without any."""
    register = existing_register()
    if register is None or is_exempt(data, prepared):
        return None
    same = _same_data(data, prepared, base)
    return _stray(prepared, same, register.cuts_of(same))


def _same_data(data: Data, prepared: Prepared, base: Path | None) -> list[Opening]:
    return [opening for opening in openings_of(data, prepared, base) if opening.likeness == SAME]


def _stray(prepared: Prepared, openings: list[Opening], cuts: Mapping[str, bytes]) -> StrayRows | None:
    ours = Cut.read(prepared.cut_file)
    if ours is None:
        return None
    candidates = [
        _compared(ours, Cut.from_bytes(cuts[opening.fingerprint]), opening)
        for opening in {opening.fingerprint: opening for opening in reversed(openings)}.values()
        if opening.fingerprint in cuts
    ]
    return max((stray for stray in candidates if stray), key=lambda stray: stray.n, default=None)


def _compared(ours: Cut, opened: Cut, opening: Opening) -> StrayRows | None:
    sides = opened.sides_of(ours.marks())
    stray = int(((sides == TEST) & ~ours.test).sum())
    if stray:
        return StrayRows(stray, True, opening)
    expected = opening.overlap * min(len(opened), len(ours))
    if ours.rule == GIVEN or (sides != NEW).sum() >= HALF * expected:
        return None
    return StrayRows(max(1, round(opening.overlap * int(opened.test.sum()))), False, opening)


@contextlib.contextmanager
def _files(cuts: Mapping[str, bytes]) -> Iterator[tuple[Path, ...]]:
    """Write cuts where the process that reads the data finds them."""
    with tempfile.TemporaryDirectory(prefix="hpo-cuts-") as folder:
        files = tuple(Path(folder) / f"{number}.npz" for number in range(len(cuts)))
        for file, content in zip(files, cuts.values(), strict=True):
            file.write_bytes(content)
        yield files


def _warm_starts(spec: SearchSpec, home: Home) -> Iterator[tuple[str, str]]:
    """Yield the searches and recipes that a search starts from, with the fingerprints of their data."""
    for name in spec.warm_start:
        if Path(name).suffix in RECIPE_SUFFIXES:
            split = read_recipe(spec.base / name).provenance.get("split")
            yield name, str(split.get("data") or "") if isinstance(split, Mapping) else ""
            continue
        opened = read_history(open_ledger(name, home)).opened
        yield name, opened.split["data"] if opened else ""


def _trained_on(home: Home, fingerprint: str, prepared: Prepared) -> int:
    """Return how many rows of a test part were development rows of earlier data in the same home."""
    earlier, ours = Cut.read(home.cut(fingerprint)), Cut.read(prepared.cut_file)
    if earlier is None or ours is None or fingerprint == prepared.fingerprint:
        return 0
    return int(((earlier.sides_of(ours.marks()) == DEVELOPMENT) & ours.test).sum())
