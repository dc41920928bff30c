"""Whether an exported recipe, trained again as it says, gives the model that it says it gave."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.core.objective import Objective
from hpo.spec.document import Data
from hpo.spec.recipes import read_recipe
from hpo.use_cases.material import material_of
from hpo.use_cases.train import Tell, train
from hpo.use_cases.versions import changes, versions

Result = Literal["identical", "within tolerance", "not reproduced"]

SHARE = 0.01
"""Tolerance as a share of the value, where no spread over seeds is on record."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What training again came to.

    Attributes:
        result: ``identical``: the same score and, bit by bit, the same weights.
        metric: Name under which the value was reported.
        recorded: The value in the recipe's provenance.
        found: The value now; NaN if it was not trained.
        tolerance: How far apart the two may be.
        same_weights: Whether the weights are the same, bit by bit.
        reasons: What is not as it was: data, versions of libraries.
    """

    result: Result
    metric: str
    recorded: float
    found: float
    tolerance: float
    same_weights: bool
    reasons: tuple[str, ...] = ()

    @property
    def difference(self) -> float:
        """The value now less the recorded one."""
        return self.found - self.recorded

    @property
    def exit_code(self) -> int:
        """0 if it was reproduced, otherwise 1."""
        return int(self.result == "not reproduced")

    def to_json(self) -> dict[str, Any]:
        """The verdict as a JSON value."""
        return {**dataclasses.asdict(self), "difference": self.difference}


def verify(path: Path, *, home: Home, tolerance: float | None = None, watch: Tell | None = None) -> Verdict:
    """Train a recipe again with its own seeds and hold the result against its provenance.

    Args:
        path: The recipe file.
        home: Where data and weights are kept.
        tolerance: How far the value may be off; by default the standard deviation over the fresh
            seeds of its search, as another machine may add up in another order.
        watch: Told of every epoch.

    Raises:
        UserError: If the file is no recipe, or does not say on what to train and what came of it.
        HpoError: If the training failed.
    """
    said = read_recipe(path).provenance
    recorded, allowed = _recorded(said, path), tolerance
    if allowed is None:
        spread = said["validation"].get("std")
        allowed = float(spread) if spread else SHARE * abs(recorded)
    reasons = tuple(changes(said["versions"], versions())) if "versions" in said else ()
    metric = f"validation/{said['objective']['metric']}" if "objective" in said else ""
    if _data_changed(said, path, home):
        why = "the data is not what it was, so nothing was trained"
        return Verdict("not reproduced", metric, recorded, math.nan, allowed, False, (why, *reasons))
    trained = train(path, home=home, watch=watch)
    objective = Objective(**said["objective"])
    scored = "rows" in said and objective.final_key in trained  # older recipes never named a final score
    metric = objective.final_key if scored else objective.key
    found = float(trained.get(metric, math.nan))
    same = trained["sha256"] == (said.get("weights") or {}).get("sha256")
    return Verdict(_result(recorded, found, allowed, same), metric, recorded, found, allowed, same, reasons)


def _recorded(said: Mapping[str, Any], path: Path) -> float:
    validation = said.get("validation")
    value = validation.get("this_model") if isinstance(validation, Mapping) else None
    if not isinstance(value, int | float):
        raise UserError(
            f"{path}: provenance does not say validation.this_model, the score to hold a new training "
            "against; `hpo export` writes recipes that do"
        )
    return float(value)


def _data_changed(said: Mapping[str, Any], path: Path, home: Home) -> bool:
    """Whether the data or its split has another fingerprint than the recipe names."""
    split = said.get("split")
    if "data" not in said or not isinstance(split, Mapping):
        return False
    try:
        data = Data.model_validate(said["data"])
    except ValidationError as error:
        raise UserError(f"{path}: provenance cannot be used: {error}") from error
    base = Path(said.get("base") or path.absolute().parent)
    now = material_of(data, base, home.create()).facts()
    return any(split.get(key) not in (None, now[key]) for key in ("data", "fingerprint"))


def _result(recorded: float, found: float, tolerance: float, same_weights: bool) -> Result:
    if found == recorded and same_weights:
        return "identical"
    return "within tolerance" if abs(found - recorded) <= tolerance else "not reproduced"
