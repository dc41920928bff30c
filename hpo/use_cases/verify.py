"""Train an exported recipe again and compare the result with its provenance."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.core.json_values import JsonFields, JsonObject
from hpo.core.package_versions import changes, versions
from hpo.spec.data_fields import Data
from hpo.spec.recipe_files import read_recipe
from hpo.use_cases.dataset.split_dataset import split_dataset_of
from hpo.use_cases.model.code_policy import changes_of_code
from hpo.use_cases.model.provenance import TrainingRecord, cut_of
from hpo.use_cases.train import Tell, train_again, training_records

Result = Literal["identical", "within tolerance", "not reproduced"]

RESULTS: tuple[Result, ...] = ("identical", "within tolerance", "not reproduced")
"""From best to worst."""

DEFAULT_SHARE = 0.01
"""Tolerance as a share of the value, if no spread over seeds is on record."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of training a recipe again.

    Attributes:
        result: ``identical`` means the same score and, bit by bit, the same weights; of an ensemble, the
            worst result of its members.
        metric: Name of the reported metric; ``seen/...`` on rows that it trained on.
        recorded: The value in the recipe's provenance; of an ensemble, the mean over its members.
        found: The value now; NaN if it was not trained.
        tolerance: Largest accepted difference of the two.
        same_weights: Whether the weights are the same, bit by bit.
        kind: Kind of the model.
        members: Number of trainings that the model consists of.
        reasons: What has changed: data, versions of libraries.
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
        """The value now minus the recorded one."""
        return self.found - self.recorded

    @property
    def exit_code(self) -> int:
        """0 if it was reproduced, otherwise 1."""
        return int(self.result == "not reproduced")

    def to_json(self) -> JsonObject:
        """Return the verification as a JSON value."""
        return {**dataclasses.asdict(self), "difference": self.difference}


def verify_recipe(
    path: Path,
    *,
    home: Home,
    tolerance: float | None = None,
    changed_code: bool = False,
    watch: Tell | None = None,
) -> Verification:
    """Train a recipe again with its own seeds and compare the result with its provenance.

    Args:
        path: The recipe file.
        home: Home for data and weights.
        tolerance: Largest accepted difference; by default the standard deviation over the fresh seeds
            of its search, as another machine may add numbers in another order.
        changed_code: Whether to go on although the training code differs from the recipe's; the
            differing files are then among the reasons.
        watch: Receives every epoch.

    Raises:
        Refused: If the training code differs from the recipe's.
        UserError: If the file is not a recipe, or does not say which data to train on and what the
            score was.
        HpoError: If the training failed.
    """
    recipe = read_recipe(path)
    provenance, records = recipe.provenance, training_records(recipe, path)
    _require_scores(path, records)
    base = Path(provenance.get("base") or path.absolute().parent)
    code = changes_of_code(recipe, path, base, accept=changed_code, reads_data=True)
    recorded_versions = provenance.get("versions") or versions(recipe.trainable, base)
    recorded = statistics.fmean(record.value for record in records)
    tolerance = _tolerance(provenance, recorded) if tolerance is None else tolerance
    verdict = Verification(
        "not reproduced",
        records[0].metric,
        recorded,
        math.nan,
        tolerance,
        False,
        (*code, *changes(recorded_versions, versions(recipe.trainable, base))),
        (provenance.get("model") or {}).get("kind", "best"),
        len(records),
    )
    if _data_changed(provenance, path, home):
        reason = "the data has changed, so nothing was trained"
        return dataclasses.replace(verdict, reasons=(reason, *verdict.reasons))
    models = [train_again(recipe, path, record, home=home, watch=watch) for record in records]
    values = [m.metrics.get(record.metric, math.nan) for record, m in zip(records, models, strict=True)]
    same = [m.sha256 == record.sha256 for record, m in zip(records, models, strict=True)]
    results = [_result(*member, tolerance) for member in zip(records, values, same, strict=True)]
    return dataclasses.replace(
        verdict,
        result=max(results, key=RESULTS.index),
        found=statistics.fmean(values),
        same_weights=all(same),
    )


def _require_scores(path: Path, records: Sequence[TrainingRecord]) -> None:
    if any(math.isnan(record.value) for record in records):
        raise UserError(
            f"{path}: provenance lacks validation.this_model, the score to compare a new training with; "
            "recipes that `hpo export` writes have it"
        )


def _tolerance(provenance: JsonFields, recorded: float) -> float:
    spread = (provenance.get("validation") or {}).get("std")
    return float(spread) if spread else DEFAULT_SHARE * abs(recorded)


def _data_changed(provenance: JsonFields, path: Path, home: Home) -> bool:
    """Return whether the data or its split has another fingerprint than in the recipe."""
    split = provenance.get("split")
    if "data" not in provenance or not isinstance(split, Mapping):
        return False
    try:
        data = Data.model_validate(provenance["data"])
    except ValidationError as error:
        raise UserError(f"{path}: provenance cannot be used: {error}") from error
    base = Path(provenance.get("base") or path.absolute().parent)
    now = split_dataset_of(data, base, home.create(), cut_of(provenance)).facts()
    return any(split.get(key) not in (None, now[key]) for key in ("data", "fingerprint"))


def _result(record: TrainingRecord, value: float, same_weights: bool, tolerance: float) -> Result:
    if value == record.value and same_weights:
        return "identical"
    return "within tolerance" if abs(value - record.value) <= tolerance else "not reproduced"
