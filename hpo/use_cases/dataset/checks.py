"""Checks, before anything is trained, that the data is sufficient for a spec.

What is impossible is an error that names what would work; what weakens the result is a warning with
the number that would be enough.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo
from hpo.data.prepared import ORIGINALS
from hpo.selection.sample_size import difference_told, examples_to_compare, least_examples
from hpo.spec import SearchSpec
from hpo.spec.warmup_steps import can_be_in_steps, long_warmup
from hpo.use_cases.dataset.recipe_fit import recipe_warnings
from hpo.use_cases.dataset.split_dataset import SplitDataset
from trainables.parts.data_sources import DEVELOPMENT_ROWS
from trainables.ranking_scores import MOST_CLASSES
from trainables.registry import SHIPPED

VARYING = ("roc_auc", "average_precision", "r2")
"""Metrics of shipped trainables without a value on rows whose targets are all equal."""

DIFFERENCE = 0.02
"""Difference between finalists that a final part should detect if the spec sets no margin."""

SMALL_TEST = 30

CROPPED = 0.875
"""Share of a stored image's side that a crop usually takes: 224 of 256 pixels."""

MAJORITY = 0.75
"""Share of one class from which accuracy says little."""


def data_warnings(spec: SearchSpec, dataset: SplitDataset) -> list[str]:
    """Return what the user should know before a search on this data, each a sentence.

    Raises:
        UserError: If the trainable cannot take such data, the rows cannot be split as specified, or the
            final part cannot tell finalists apart whatever they predict, every warm-up is longer than
            the training, or no recipe fits the images or the weights that it starts from.
    """
    _check_trainable(spec, dataset)
    _check_objective(spec, dataset)
    return [
        *_majority(spec, dataset),
        *_warmup(spec, dataset),
        *_final(spec, dataset),
        *_order(dataset),
        *_folds(spec, dataset),
        *_enlarged(spec, dataset),
        *recipe_warnings(spec, dataset.prepared.info),
        *_test(dataset),
    ]


def _check_trainable(spec: SearchSpec, dataset: SplitDataset) -> None:
    """Check that a shipped trainable can take the data; a user's own decides for itself."""
    shipped = SHIPPED.get(spec.trainable)
    complaint = shipped.complaint(dataset.prepared.info, spec.objective.metric) if shipped else None
    if complaint:
        raise UserError(complaint)


def _check_objective(spec: SearchSpec, dataset: SplitDataset) -> None:
    """Check that a shipped trainable's metric has a value on the rows that trials are compared on."""
    if spec.trainable not in SHIPPED:
        return
    info, metric, targets = dataset.prepared.info, spec.objective.metric, dataset.labelled.targets
    for part in ("validation", "final"):
        rows = dataset.split.roles().get(part)
        reason = "" if rows is None else _undefined(info, metric, np.unique(targets[rows]))
        if reason:
            legal = ", ".join(
                of.name for of in SHIPPED[spec.trainable].tasks[info.task] if of.name not in VARYING
            )
            raise UserError(
                f"objective.metric: {metric} has no value on the {part} part, because {reason}; legal here: "
                f"{legal}, or another split (data.split_seed, data.validation)"
            )


def _undefined(info: DataInfo, metric: str, occurring: NDArray[Any]) -> str:
    """Return why a metric has no value on rows with these targets; empty if it has one."""
    if metric == "r2" and len(occurring) == 1:
        return f"all of its targets are {occurring[0]:g}"
    if metric not in VARYING or info.task != "classification":
        return ""
    if len(occurring) == 1:
        return f"all of its rows are of class {info.classes[int(occurring[0])]!r}"
    if len(occurring) > MOST_CLASSES:
        return (
            f"it has rows of {len(occurring)} classes, and at most {MOST_CLASSES} are ranked against the rest"
        )
    return ""


def _majority(spec: SearchSpec, dataset: SplitDataset) -> Iterator[str]:
    """Say what always answering the most frequent class scores, if the objective rewards it."""
    info, metric = dataset.prepared.info, spec.objective.metric
    if info.task != "classification" or metric not in ("accuracy", "error", "average_precision"):
        return
    counts = np.bincount(dataset.labelled.targets, minlength=len(info.classes))
    share = float(counts.max() / counts.sum())
    if share < MAJORITY:
        return
    if metric == "average_precision":
        if len(counts) == 2 and counts[1] > counts[0]:
            yield (
                f"average_precision of two classes is that of the second, {info.classes[1]!r}, which "
                f"{100 * share:.3g} % of the examples have: any order of the examples scores {share:.3g} or "
                "so; balanced_accuracy, macro_f1 and roc_auc count the rare class, too (objective.metric)"
            )
        return
    value = share if metric == "accuracy" else 1 - share
    yield (
        f"{100 * share:.3g} % of the examples are of class {info.classes[int(counts.argmax())]!r}: always "
        f"answering that class has an {metric} of {value:.3g}; balanced_accuracy, macro_f1 and roc_auc "
        "count rare classes, too (objective.metric), as do sampling: balanced and loss.class_weights: "
        "balanced in training"
    )


def _warmup(spec: SearchSpec, dataset: SplitDataset) -> Iterator[str]:
    """Compare a warm-up that is given in steps with the steps of a full training.

    For data whose rows are known beforehand, reading the spec has done so.
    """
    rows_are_known = spec.data.source in DEVELOPMENT_ROWS
    if rows_are_known or not can_be_in_steps(spec.trainable, spec.recipe, spec.space):
        return
    rows = len(dataset.split.train)
    overrun = long_warmup(spec.space, spec.recipe, spec.grammar, spec.horizon, rows)
    if overrun is not None and overrun.always:
        raise UserError(overrun.refusal)
    if overrun is not None:
        yield overrun.warning


def _final(spec: SearchSpec, dataset: SplitDataset) -> Iterator[str]:
    """Check that the part that ranks finalists is large enough for the stated error rate."""
    final, finalists = dataset.split.final, spec.finalists
    if final is None or finalists.count < 2 or not _is_share(spec):
        return
    comparisons, n = finalists.count - 1, len(final)
    least = least_examples(finalists.alpha / comparisons)
    if n < least:
        raise UserError(
            f"data.validation.final: {n} examples cannot tell {finalists.count} finalists apart at an error "
            f"rate of {finalists.alpha:g}, even if one is better on all of them; at least {least} are "
            f"needed, a share of {_share(least, dataset)}"
        )
    margin = finalists.margin or DIFFERENCE
    enough = examples_to_compare(margin, finalists.alpha / comparisons)
    if n < enough:
        detectable = difference_told(n, finalists.alpha / comparisons)
        yield (
            f"the final part has {n} examples: at an error rate of {finalists.alpha:g} it can tell "
            f"{finalists.count} finalists apart that differ by {detectable:.2g} or more; {margin:g} would "
            f"require {enough:,} examples, a share of {_share(enough, dataset)}"
        )


def _is_share(spec: SearchSpec) -> bool:
    return any(metric.proportion for metric in spec.metrics if metric.name == spec.objective.metric)


def _share(n: int, dataset: SplitDataset) -> str:
    share = n / dataset.prepared.n
    return f"{share:.2g}" if share < 1 else "more than all rows"


def _order(dataset: SplitDataset) -> Iterator[str]:
    labelled = dataset.labelled
    if labelled.times is None or labelled.groups is None:
        return
    yield (
        "the data has times and groups: it is split by time, and a group may have rows on both sides of a "
        "cut; to keep groups together instead, leave out `time`"
    )


def _folds(spec: SearchSpec, dataset: SplitDataset) -> Iterator[str]:
    finalists, labelled = spec.finalists, dataset.labelled
    if finalists.folds is None:
        return
    dataset.splits(finalists.fresh, finalists.seeds)
    if labelled.times is not None and finalists.repeated and finalists.seeds > 1:
        yield "folds follow time, so they are the same for every fresh seed"
    if labelled.groups is not None and labelled.times is None:
        groups = len(np.unique(labelled.groups))
        if groups < 2 * finalists.folds:
            yield f"{groups} groups in {finalists.folds} folds: some folds hold out a single group"


def _enlarged(spec: SearchSpec, dataset: SplitDataset) -> Iterator[str]:
    """Say if the recipe wants more pixels than are stored: images are then enlarged, and crops with them.

    A size that is searched is a choice to compare, and images that keep their originals are not enlarged.
    """
    prepared = dataset.prepared
    if spec.trainable != "image_classifier" or (prepared.folder / ORIGINALS).exists():
        return
    height, width = prepared.info.shape[:2]
    sizes = {name: spec.recipe[name] for name in ("image_size", "test_size") if spec.recipe.get(name)}
    too_large = {name: size for name, size in sizes.items() if size > min(height, width)}
    if not too_large:
        return
    names = " and ".join(f"recipe.{name}: {size}" for name, size in too_large.items())
    advice = "store larger ones"
    if "size" in spec.data.arguments:
        least = math.ceil(max(too_large.values()) / CROPPED)
        advice = f"{advice} (data.arguments.size: {least}), or data.arguments.originals: true"
    yield f"images are stored with {height} x {width} pixels and enlarged to {names}; {advice}"


def _test(dataset: SplitDataset) -> Iterator[str]:
    test = dataset.prepared.test
    if test is not None and test.n < SMALL_TEST:
        yield (
            f"the test part has {test.n} examples, fewer than {SMALL_TEST}: the interval of its score will "
            "be very wide"
        )
