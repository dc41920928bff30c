"""What earlier searches give to a new one, in the words of its space.

It is copied into the new search's first event, so that a replay never looks at the earlier ones
again: they may have grown since, or be gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hpo.core.space import Point


@dataclass(frozen=True, slots=True)
class EarlierTrials:
    """What one earlier search found out.

    Attributes:
        source: Its name.
        names: Parameters that both searches vary; of the others the points say nothing.
        points: Complete points of the new space [n].
        scores: How each fared within its own search [n]: its rank as a standard normal quantile,
            higher is better.

    Raises:
        ValueError: If there are not as many points as scores.
    """

    source: str
    names: tuple[str, ...]
    points: tuple[Point, ...]
    scores: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.points) != len(self.scores):
            raise ValueError(f"{self.source}: {len(self.points)} points have {len(self.scores)} scores")

    def to_json(self) -> dict[str, Any]:
        """A JSON value; parameters are named once, as there can be hundreds of points."""
        names = sorted({name for point in self.points for name in point})
        rows = [[point.get(name) for name in names] for point in self.points]
        absent = [[i for i, name in enumerate(names) if name not in point] for point in self.points]
        return {
            "source": self.source,
            "names": list(self.names),
            "columns": names,
            "rows": rows,
            "absent": absent,
            "scores": list(self.scores),
        }

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> EarlierTrials:
        """The lesson that `to_json` gave."""
        names = said["columns"]
        points = tuple(
            {name: value for i, (name, value) in enumerate(zip(names, row, strict=True)) if i not in absent}
            for row, absent in zip(said["rows"], said["absent"], strict=True)
        )
        return cls(said["source"], tuple(said["names"]), points, tuple(said["scores"]))


@dataclass(frozen=True, slots=True)
class WarmStart:
    """Everything a search begins with because of earlier ones.

    Attributes:
        first: Points tried first, in this order.
        lessons: What the searcher knows before its first trial.
    """

    first: tuple[Point, ...] = ()
    lessons: tuple[EarlierTrials, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON value; empty if there is nothing."""
        if not self.first and not self.lessons:
            return {}
        return {
            "first": [dict(point) for point in self.first],
            "lessons": [lesson.to_json() for lesson in self.lessons],
        }

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> WarmStart:
        """The warmth that `to_json` gave."""
        lessons = tuple(EarlierTrials.of_json(each) for each in said.get("lessons", ()))
        return cls(tuple(said.get("first", ())), lessons)


NO_WARM_START = WarmStart()
"""What a search begins with that no earlier one helps."""
