"""What every search relies on in a trainable, besides what `hpo try` checks of one training.

The same weights must give the same scores in whatever order and number rows come, a model must be what its
weights say, and the data must be left as it was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from hpo.core.ports import TrainingTask
from hpo.core.recipe import Recipe
from hpo.core.trainable import Arrays, Examples
from hpo.data.examples import open_examples
from hpo.metrics.assessment import assess
from hpo.running.environment import OpenedStage
from hpo.use_cases.health.attempt import TryCheck

TOLERANCE = 1e-3
"""Relative difference up to which scores are the same: batches of other sizes add in another order."""

ROWS = 32
"""Rows that are scored one by one and in reverse, and whose values are compared."""


@dataclasses.dataclass(frozen=True)
class ContractChecks:
    """The further checks of a trial; see `hpo.use_cases.try_recipe.try_recipe`.

    Attributes:
        folder: Folder of the prepared data.
    """

    folder: Path

    def __call__(self, stage: OpenedStage, task: TrainingTask, weights: Arrays) -> Iterator[TryCheck]:
        """Yield what holds and what does not."""
        validation = stage.parts(task.split).validation
        few = dataclasses.replace(validation, rows=validation.rows[:ROWS])
        model = stage.trainable.load(Recipe(task.recipe), weights, validation.info)
        yield _same_weights(weights, model.weights())
        yield self._data_left_alone(validation)

        def values(examples: Examples) -> Mapping[str, np.ndarray]:
            scores = assess(stage.trainable, [model], examples)
            return scores.rows or {name: np.array([value]) for name, value in scores.values.items()}

        whole = values(few)
        yield _repeated(whole, values(few))
        yield _reversed(whole, values(dataclasses.replace(few, rows=few.rows[::-1].copy())))
        if any(len(of) == len(few) > 1 for of in whole.values()):
            yield _one_by_one(whole, values(dataclasses.replace(few, rows=few.rows[:1])))

    def _data_left_alone(self, validation: Examples) -> TryCheck:
        """Compare the arrays that the training had, whose changes stay in its process, with the files."""
        before = open_examples(self.folder, validation.rows)
        rows = validation.rows[:ROWS]
        same = all(
            np.asarray(ours[rows]).tobytes() == np.asarray(theirs[rows]).tobytes()
            for ours, theirs in ((before.inputs, validation.inputs), (before.targets, validation.targets))
        )
        detail = "unchanged after training" if same else "the training wrote to its arrays; work on copies"
        return TryCheck("data", "holds" if same else "fails", detail)


def _same_weights(given: Arrays, returned: Arrays) -> TryCheck:
    odd = sorted(set(given) ^ set(returned)) or [
        name
        for name, array in given.items()
        if np.asarray(array).dtype != np.asarray(returned[name]).dtype
        or not np.array_equal(np.asarray(array), np.asarray(returned[name]))
    ]
    if odd:
        detail = f"a model that was loaded has other weights than it was given: {', '.join(odd[:3])}"
        return TryCheck("loading", "fails", detail)
    return TryCheck("loading", "holds", "a model that was loaded has the weights that it was given")


def _repeated(ours: Mapping[str, np.ndarray], again: Mapping[str, np.ndarray]) -> TryCheck:
    return _compared("scoring", "the same rows scored twice", ours, again)


def _reversed(ours: Mapping[str, np.ndarray], turned: Mapping[str, np.ndarray]) -> TryCheck:
    return _compared(
        "order of rows", "rows in reverse", ours, {name: values[::-1] for name, values in turned.items()}
    )


def _one_by_one(ours: Mapping[str, np.ndarray], first: Mapping[str, np.ndarray]) -> TryCheck:
    by_row = {name: values[:1] for name, values in ours.items() if len(values) > 1}
    return _compared("single rows", "a row alone", by_row, first)


def _compared(
    name: str, what: str, ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]
) -> TryCheck:
    for metric, values in ours.items():
        others = theirs[metric]
        if not np.allclose(values, others, rtol=TOLERANCE, atol=TOLERANCE**2, equal_nan=True):
            row = int(np.argmax(~np.isclose(values, others, rtol=TOLERANCE, atol=TOLERANCE**2)))
            detail = f"{what} has another {metric}: {others[row]:.6g}, and {values[row]:.6g} before"
            return TryCheck(name, "fails", detail)
    return TryCheck(name, "holds", f"{what} has the same scores")
