"""What a new search takes from earlier ones, expressed in its own space.

It is copied into the new search's first event, so that a replay does not read the earlier searches
again: they may have changed or been deleted.
"""

from __future__ import annotations

from dataclasses import dataclass

from hpo.core.json_values import JsonFields, JsonObject
from hpo.core.space import Point


@dataclass(frozen=True, slots=True)
class EarlierTrials:
    """The results of one earlier search.

    Attributes:
        source: Name of the earlier search.
        names: Parameters that both searches vary; the points carry no information on the others.
        points: Complete points of the new space [n].
        scores: Rank of each within its own search as a standard normal quantile [n]; higher is better.

    Raises:
        ValueError: If the numbers of points and scores differ.
    """

    source: str
    names: tuple[str, ...]
    points: tuple[Point, ...]
    scores: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.points) != len(self.scores):
            raise ValueError(f"{self.source}: {len(self.points)} points have {len(self.scores)} scores")

    def to_json(self) -> JsonObject:
        """Return a JSON value that names each parameter once, as there can be hundreds of points."""
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
    def of_json(cls, document: JsonFields) -> EarlierTrials:
        """Return the value that `to_json` wrote."""
        names = document["columns"]
        points = tuple(
            {name: value for i, (name, value) in enumerate(zip(names, row, strict=True)) if i not in absent}
            for row, absent in zip(document["rows"], document["absent"], strict=True)
        )
        return cls(document["source"], tuple(document["names"]), points, tuple(document["scores"]))


@dataclass(frozen=True, slots=True)
class WarmStart:
    """Everything a search takes from earlier ones.

    Attributes:
        first: Points tried first, in this order.
        earlier: Results that the searcher learns from before its first trial.
    """

    first: tuple[Point, ...] = ()
    earlier: tuple[EarlierTrials, ...] = ()

    def to_json(self) -> JsonObject:
        """Return a JSON value; empty if nothing is taken."""
        if not self.first and not self.earlier:
            return {}
        return {
            "first": [dict(point) for point in self.first],
            "lessons": [trials.to_json() for trials in self.earlier],
        }

    @classmethod
    def of_json(cls, document: JsonFields) -> WarmStart:
        """Return the value that `to_json` wrote."""
        earlier = tuple(EarlierTrials.of_json(trials) for trials in document.get("lessons", ()))
        return cls(tuple(document.get("first", ())), earlier)


NO_WARM_START = WarmStart()
"""The warm start of a search that takes nothing from earlier ones."""
