"""Whether the data bears what a spec asks of it: looked at before anything is trained.

What cannot be done is an error that says what could be; what weakens the result is a warning with
the number that would be enough.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hpo.core.errors import UserError
from hpo.selection.sample_size import difference_told, examples_to_compare, least_examples
from hpo.spec import SearchSpec
from hpo.use_cases.dataset.split_dataset import SplitDataset
from trainables.registry import SHIPPED

TOLD = 0.02
"""Difference between finalists that a final part should tell where the spec names no margin."""

SMALL_TEST = 30


def data_warnings(spec: SearchSpec, material: SplitDataset) -> list[str]:
    """What a user should know before a search of this data, each a sentence.

    Raises:
        UserError: If the trainable cannot take such data, the rows cannot be divided as asked, or the
            final part cannot tell finalists apart whatever they answer.
    """
    _insist_on_a_fit(spec, material)
    return [*_final(spec, material), *_order(material), *_folds(spec, material), *_test(material)]


def _insist_on_a_fit(spec: SearchSpec, material: SplitDataset) -> None:
    """Whether a shipped trainable can take the data; a user's own knows best."""
    shipped = SHIPPED.get(spec.trainable)
    complaint = shipped.complaint(material.prepared.info, spec.objective.metric) if shipped else None
    if complaint:
        raise UserError(complaint)


def _final(spec: SearchSpec, material: SplitDataset) -> Iterator[str]:
    """Whether the part that ranks finalists is large enough to be wrong no more often than stated."""
    final, said = material.split.final, spec.finalists
    if final is None or said.count < 2 or not _is_share(spec):
        return
    comparisons, n = said.count - 1, len(final)
    least = least_examples(said.alpha / comparisons)
    if n < least:
        raise UserError(
            f"data.validation.final: {n} examples cannot tell {said.count} finalists apart at an error rate "
            f"of {said.alpha:g}, even if one answers all of them better; at least {least} are needed, "
            f"a share of {_share(least, material)}"
        )
    aim = said.margin or TOLD
    enough = examples_to_compare(aim, said.alpha / comparisons)
    if n < enough:
        told = difference_told(n, said.alpha / comparisons)
        yield (
            f"the final part has {n} examples: at an error rate of {said.alpha:g} it tells {said.count} "
            f"finalists apart that differ by {told:.2g} or more; for {aim:g} it would have to have "
            f"{enough:,}, a share of {_share(enough, material)}"
        )


def _is_share(spec: SearchSpec) -> bool:
    return any(each.proportion for each in spec.metrics if each.name == spec.objective.metric)


def _share(n: int, material: SplitDataset) -> str:
    share = n / material.prepared.n
    return f"{share:.2g}" if share < 1 else "more than all there is"


def _order(material: SplitDataset) -> Iterator[str]:
    labelled = material.labelled
    if labelled.times is None or labelled.groups is None:
        return
    yield (
        "the data has times and groups: parts follow time, and a group may have rows on both sides of a cut; "
        "to keep groups together instead, name no time"
    )


def _folds(spec: SearchSpec, material: SplitDataset) -> Iterator[str]:
    said, labelled = spec.finalists, material.labelled
    if said.folds is None:
        return
    material.splits(said.fresh, said.seeds)
    if labelled.times is not None and said.repeated and said.seeds > 1:
        yield "folds follow time, so they are the same for every fresh seed"
    if labelled.groups is not None and labelled.times is None:
        groups = len(np.unique(labelled.groups))
        if groups < 2 * said.folds:
            yield f"{groups} groups in {said.folds} folds: some folds hold out a single group"


def _test(material: SplitDataset) -> Iterator[str]:
    test = material.prepared.test
    if test is not None and test.n < SMALL_TEST:
        yield (
            f"the test part has {test.n} examples, fewer than {SMALL_TEST}: the interval of its score will "
            "be very wide"
        )
