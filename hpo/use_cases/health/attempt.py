"""What trying a recipe showed: each thing that a search relies on, and what a search would cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hpo.core.json_values import JsonObject, RecipeFields, jsonable

Result = Literal["holds", "fails", "open"]


@dataclass(frozen=True, slots=True)
class TryCheck:
    """One thing that a search relies on.

    Attributes:
        name: What it is.
        result: Whether it holds; ``open`` if that cannot be determined.
        detail: What was observed, in a sentence.
    """

    name: str
    result: Result
    detail: str


@dataclass(frozen=True)
class Attempt:
    """What trying a recipe showed.

    Attributes:
        recipe: The recipe.
        metrics: Its first report.
        rows: Rows of the train and validation parts that were used, and that there are; empty for a script
            that reads its own data.
        findings: What holds and what does not.
        epoch_seconds: Estimated seconds of an epoch on all rows; NaN if no epoch was reported.
        search_seconds: Estimated seconds of a search; NaN if its budget has no number of epochs.
        error: The exception of the training's own code; None if it raised none.
    """

    recipe: RecipeFields
    metrics: Mapping[str, float]
    rows: Mapping[str, tuple[int, int]]
    findings: tuple[TryCheck, ...]
    epoch_seconds: float
    search_seconds: float
    error: BaseException | None = field(default=None, compare=False)

    @property
    def exit_code(self) -> int:
        """0 if nothing fails, otherwise 1."""
        return int(any(finding.result == "fails" for finding in self.findings))

    def to_json(self) -> JsonObject:
        """Return everything but the exception as a JSON value."""
        shown: JsonObject = jsonable(
            {
                "recipe": dict(self.recipe),
                "metrics": dict(self.metrics),
                "rows": {name: {"used": used, "all": n} for name, (used, n) in self.rows.items()},
                "findings": [dataclasses.asdict(finding) for finding in self.findings],
                "epoch_seconds": self.epoch_seconds,
                "search_seconds": self.search_seconds,
            }
        )
        return shown
