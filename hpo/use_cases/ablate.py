"""Measure what each component of a recipe is worth, by switching off one at a time, and other variants.

An ablation is a search over a handful of points, on validation data alone. Every variant is trained
on the same fresh seeds, so a difference is a mean over pairs, in which the luck of a seed cancels out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.fresh_seeds import FreshSeeds
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.json_values import JsonObject
from hpo.core.outcome import Outcome, Watcher
from hpo.core.space import Point
from hpo.core.training_state import Training
from hpo.ledger.searches import open_ledger, read_history
from hpo.metrics.row_blocks import RowBlocks
from hpo.selection.intervals import LEVEL, spread
from hpo.selection.paired_difference import paired_difference
from hpo.spec.ablation import ablation_document
from hpo.spec.recipe_files import read_recipe
from hpo.use_cases.accounting.evidence import kept_examples
from hpo.use_cases.resume import resume_search
from hpo.use_cases.search.run_options import RunOptions
from hpo.use_cases.submit import Submission, submit_search

TAG = "ablation of"
"""Tag of a search that is an ablation."""


@dataclass(frozen=True, slots=True)
class AblationRow:
    """One variant of the recipe.

    Attributes:
        component: Dotted name of what is off or has another value, several joined by commas; empty for
            the unchanged recipe.
        own: Its value in the recipe; of several a mapping by name.
        off: Its value in the variant, in the same form.
        mean: Mean of the objective over fresh seeds; NaN if no training succeeded.
        std: Standard deviation over them (n - 1); NaN for one.
        n: Number of fresh seeds that succeeded.
        difference: Mean over seeds of the variant's value minus the recipe's; NaN without a pair.
        low: Lower end of its 95 % interval over seeds and, if what each example contributes was kept,
            examples; NaN for a single pair without that.
        high: Upper end of that interval.
        clear: Whether the difference is significant with all differences of the table taken together
            (Bonferroni, 95 %).
        failure: Why the variant could not be trained; empty if it could.
    """

    component: str
    own: Any
    off: Any
    mean: float
    std: float
    n: int
    difference: float
    low: float
    high: float
    clear: bool
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Ablation:
    """The result of an ablation.

    Attributes:
        search: Name of its search.
        metric: The metric that is compared, on validation data.
        mode: ``max`` or ``min``.
        rows: The unchanged recipe, then each variant.
    """

    search: str
    metric: str
    mode: str
    rows: tuple[AblationRow, ...]

    def to_json(self) -> JsonObject:
        """Return the result as a JSON value."""
        return asdict(self)


def run_ablation(
    recipe: Path,
    *,
    home: Home,
    seeds: int = 5,
    components: Sequence[str] = (),
    others: Sequence[str] = (),
    settings: Sequence[str] = (),
    name: str | None = None,
    address: str | None = None,
    watch: Watcher | None = None,
) -> Outcome:
    """Train a recipe and its variants; the test part stays sealed.

    Args:
        recipe: A recipe file; data, split and objective are those of its provenance.
        home: Home of the new search.
        seeds: Fresh seeds of each variant.
        components: Dotted names of what to switch off; by default all that can be.
        others: Other variants, each ``name=value,name=value``.
        settings: ``key=value`` for other fields of the search.
        name: Name of the search.
        address: A Ray cluster.
        watch: Receives every event.

    Raises:
        UserError: If an argument or the recipe is wrong; nothing has started then.
        Interrupted: If a signal stopped it; it can be resumed like any search.
    """
    if seeds < 2:
        raise UserError(f"--seeds {seeds}: at least 2 are needed, for the spread of a difference")
    spec = ablation_document(
        read_recipe(recipe), recipe, seeds=seeds, only=components, others=others, settings=settings
    )
    tags = {TAG: str(recipe)}
    submission = Submission(spec, home, name, tags, RunOptions(unseal=False, address=address))
    return submit_search(submission, watch)


def is_over(name: str, *, home: Home) -> bool:
    """Return whether an ablation is done.

    Raises:
        UserError: If there is no such search, or it is not an ablation.
    """
    return _read(name, home).status == "done"


def resume_ablation(
    name: str, *, home: Home, address: str | None = None, watch: Watcher | None = None
) -> Outcome:
    """Continue an ablation that was interrupted.

    Raises:
        UserError: If there is no such search, or it is not an ablation.
    """
    _read(name, home)
    options = RunOptions(unseal=False, address=address)
    return resume_search(name, home=home, options=options, watch=watch)


def ablation_table(name: str, *, home: Home) -> Ablation:
    """Return the result of an ablation so far.

    Raises:
        UserError: If there is no such search, or it is not an ablation.
    """
    history = _read(name, home)
    objective = history.objective
    return Ablation(name, objective.metric, objective.mode, tuple(_rows(history, home.search(name).weights)))


def _read(name: str, home: Home) -> History:
    if not home.is_used:
        raise UserError(f"{name} is not a recipe file, and {home.root} has no search of that name")
    history = read_history(open_ledger(name, home))
    assert history.opened is not None
    if TAG not in history.opened.tags:
        raise UserError(f"{name} is not an ablation; `hpo best {name}` shows the result of that search")
    return history


def _rows(history: History, kept: Path) -> list[AblationRow]:
    """Return the unchanged recipe and each variant; trials that were added later are left out."""
    assert history.opened is not None
    fresh = FreshSeeds.of(history.opened.spec)
    if not history.trials:
        return []
    base, *others = history.trials
    points = list(history.opened.spec["start_from"])[1:]
    variants = [(_changed(base.point, trial.point), trial) for trial in others if trial.point in points]
    reference = fresh.by_seed(history.replicates(base.trial))
    examples, blocks = _examples(history, kept)
    rows = [_row([], base, base, reference, {}, _Pairs(1))]
    for names, trial in variants:
        values = fresh.by_seed(history.replicates(trial.trial))
        trial_values, base_values = examples.get(trial.trial), examples.get(base.trial)
        apart = None
        if trial_values is not None and base_values is not None and trial_values.shape == base_values.shape:
            apart = trial_values - base_values
        pairs = _Pairs(len(variants), apart, blocks)
        rows.append(_row(names, base, trial, values, reference, pairs))
    return rows


def _examples(history: History, kept: Path) -> tuple[dict[int, NDArray[np.float64]], RowBlocks | None]:
    """Contributions of the examples to each variant's values; none where folds were held out."""
    assert history.opened is not None
    if FreshSeeds.of(history.opened.spec).folds:
        return {}, None
    return kept_examples(history, kept, tuple(trial.trial for trial in history.trials))


@dataclass(frozen=True)
class _Pairs:
    """How differences are compared.

    Attributes:
        together: Number of differences in the table.
        rows: What each example contributes to the difference on each seed, [seeds, n]; None if unknown.
        blocks: Which examples belong together; None if they are independent.
    """

    together: int
    rows: NDArray[np.float64] | None = None
    blocks: RowBlocks | None = None


def _changed(base: Point, point: Point) -> list[str]:
    """Names whose values differ, or that only the variant has; what it lacks follows from those."""
    return [name for name in point if name not in base or base[name] != point[name]]


def _values(point: Point, names: Sequence[str]) -> Any:
    """Return the value of one name, or those of several by name; None for what the point lacks."""
    return point[names[0]] if len(names) == 1 else {name: point.get(name) for name in names} or None


def _row(
    names: Sequence[str],
    base: Training,
    variant: Training,
    values: Mapping[int, float],
    reference: Mapping[int, float],
    pairs: _Pairs,
) -> AblationRow:
    sound = [value for value in values.values() if math.isfinite(value)]
    every = (values[seed] - reference[seed] for seed in values if seed in reference)
    differences = [difference for difference in every if math.isfinite(difference)]
    level = spread(sound) if sound else None
    joint_level = 1 - (1 - LEVEL) / pairs.together
    interval, joint = (
        paired_difference(differences, pairs.rows, pairs.blocks, at) if differences else None
        for at in (LEVEL, joint_level)
    )
    return AblationRow(
        component=", ".join(names),
        own=_values(base.point, names),
        off=_values(variant.point, names),
        mean=level.mean if level else math.nan,
        std=level.std if level else math.nan,
        n=len(sound),
        difference=interval.value if interval else math.nan,
        low=interval.low if interval else math.nan,
        high=interval.high if interval else math.nan,
        clear=bool(joint and (joint.low > 0 or joint.high < 0)),
        failure="" if sound or variant.cause is None else variant.cause.value,
    )
