"""Whether an exported recipe, trained again as it says, gives the model that it says it gave."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.spec.fields import Data
from hpo.spec.recipe_files import read_recipe
from hpo.use_cases.dataset.split_dataset import split_dataset_of
from hpo.use_cases.model.provenance import TrainingRecord
from hpo.use_cases.search.versions import changes, versions
from hpo.use_cases.train import Tell, train_again, training_records

Result = Literal["identical", "within tolerance", "not reproduced"]

ORDER: tuple[Result, ...] = ("identical", "within tolerance", "not reproduced")
"""From the best to the worst."""

SHARE = 0.01
"""Tolerance as a share of the value, where no spread over seeds is on record."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What training again came to.

    Attributes:
        result: ``identical``: the same score and, bit by bit, the same weights; of an ensemble, the
            worst of its members'.
        metric: Name under which the value was reported; ``seen/...`` on rows that it trained on.
        recorded: The value in the recipe's provenance; of an ensemble, the mean of its members'.
        found: The value now; NaN if it was not trained.
        tolerance: How far apart the two may be.
        same_weights: Whether the weights are the same, bit by bit.
        kind: Of the model.
        members: Trainings that it was made of.
        reasons: What is not as it was: data, versions of libraries.
    """

    result: Result
    metric: str
    recorded: float
    found: float
    tolerance: float
    same_weights: bool
    reasons: tuple[str, ...] = ()
    kind: str = "best"
    members: int = 1

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


def verify_recipe(
    path: Path, *, home: Home, tolerance: float | None = None, watch: Tell | None = None
) -> Verification:
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
    recipe = read_recipe(path)
    said, made = recipe.provenance, training_records(recipe, path)
    if any(math.isnan(each.value) for each in made):
        raise UserError(
            f"{path}: provenance does not say validation.this_model, the score to hold a new training "
            "against; `hpo export` writes recipes that do"
        )
    recorded = statistics.fmean(each.value for each in made)
    if tolerance is None:
        spread = (said.get("validation") or {}).get("std")
        tolerance = float(spread) if spread else SHARE * abs(recorded)
    verdict = Verification(
        "not reproduced",
        made[0].metric,
        recorded,
        math.nan,
        tolerance,
        False,
        tuple(changes(said["versions"], versions())) if "versions" in said else (),
        (said.get("model") or {}).get("kind", "best"),
        len(made),
    )
    if _data_changed(said, path, home):
        why = "the data is not what it was, so nothing was trained"
        return dataclasses.replace(verdict, reasons=(why, *verdict.reasons))
    again = [train_again(recipe, path, each, home=home, watch=watch) for each in made]
    found = [float(trained.get(each.metric, math.nan)) for each, trained in zip(made, again, strict=True)]
    same = [trained["sha256"] == each.sha256 for each, trained in zip(made, again, strict=True)]
    results = [_result(*each, tolerance) for each in zip(made, found, same, strict=True)]
    return dataclasses.replace(
        verdict,
        result=max(results, key=ORDER.index),
        found=statistics.fmean(found),
        same_weights=all(same),
    )


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
    now = split_dataset_of(data, base, home.create()).facts()
    return any(split.get(key) not in (None, now[key]) for key in ("data", "fingerprint"))


def _result(made: TrainingRecord, found: float, same_weights: bool, tolerance: float) -> Result:
    if found == made.value and same_weights:
        return "identical"
    return "within tolerance" if abs(found - made.value) <= tolerance else "not reproduced"
