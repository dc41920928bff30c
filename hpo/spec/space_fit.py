"""Map the trials of an earlier search into the space of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from hpo.core.space import Point, Space
from hpo.spec.recipe_points import locate


@dataclass(frozen=True)
class SpaceFit:
    """The part of an earlier search that fits a space.

    Attributes:
        names: Parameters that both vary, with at least one value in common.
        points: Each earlier trial's point in the new space, or None if it lies outside.
        notes: What does not fit, as sentences.
    """

    names: tuple[str, ...]
    points: tuple[Point | None, ...]
    notes: tuple[str, ...]


def fit(space: Space, varied: Collection[str], trials: Sequence[Point]) -> SpaceFit:
    """Map earlier trials into a space.

    A trial fits if each parameter that both searches vary exists in both, with a legal value.
    Parameters that the earlier search did not vary take the nearest legal value, and nothing is
    learned about them.

    Args:
        space: The new search's space.
        varied: Parameters that the earlier search varied.
        trials: Values of its trials by dotted name.
    """
    shared = [parameter.name for parameter in space.parameters if parameter.name in varied]
    placed = [locate(space, values)[0] for values in trials]
    apart = [name for name in shared if not _overlaps(space, name, placed, trials)]
    names = tuple(name for name in shared if name not in apart)
    wrong = [
        tuple(_misfits(space, names, point, values)) for point, values in zip(placed, trials, strict=True)
    ]
    points = tuple(
        None if misfit or not names else point for point, misfit in zip(placed, wrong, strict=True)
    )
    return SpaceFit(names, points, tuple(_notes(space, varied, names, apart, wrong)))


def _overlaps(space: Space, name: str, placed: Sequence[Point], trials: Sequence[Point]) -> bool:
    """Return whether any trial has a legal value, or no trial has the parameter."""
    tried = [values[name] for point, values in zip(placed, trials, strict=True) if name in values]
    return not tried or any(space.by_name[name].domain.contains(value) for value in tried)


def _misfits(space: Space, names: Sequence[str], point: Point, values: Point) -> Iterator[str]:
    for name in names:
        if name in point and not (name in values and space.by_name[name].domain.contains(values[name])):
            yield name


def _notes(
    space: Space,
    varied: Collection[str],
    names: Sequence[str],
    apart: Sequence[str],
    wrong: Sequence[tuple[str, ...]],
) -> Iterator[str]:
    if apart:
        yield f"none of its values of {_listed(apart)} is legal in this space, so nothing is learned about it"
    if not names:
        yield "it shares no parameter with this space; its results are not used"
        return
    new = [parameter.name for parameter in space.parameters if parameter.name not in varied]
    if new:
        yield f"it did not vary {_listed(new)}, so nothing is learned about that"
    unused = [name for name in varied if name not in space.by_name]
    if unused:
        yield f"it varied {_listed(unused)}, which this space does not vary; that is ignored"
    outside = Counter(name for misfit in wrong for name in misfit)
    if outside:
        count = sum(bool(misfit) for misfit in wrong)
        why = _listed([f"{name} {number} times" for name, number in outside.most_common()])
        yield f"{count} of {len(wrong)} trials lie outside this space and are left out ({why})"


def _listed(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
