"""A few rows of a data set as examples of their own, whose inputs and targets can be changed."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.trainable import Examples


@dataclasses.dataclass(frozen=True)
class FewRows:
    """Rows of a train and a validation part in one small data set.

    Attributes:
        train: The training rows.
        validation: The validation rows.
    """

    train: Examples
    validation: Examples

    @classmethod
    def of(cls, train: Examples, validation: Examples, most: int, seed: int) -> FewRows:
        """Draw up to ``most`` rows of each part, and copy them."""
        random = np.random.default_rng(seed)
        chosen = [np.sort(random.permutation(part.rows)[:most]) for part in (train, validation)]
        rows = np.concatenate(chosen)
        examples = dataclasses.replace(
            train,
            inputs=np.array(train.inputs[rows]),
            targets=np.array(train.targets[rows]),
            groups=None if train.groups is None else np.array(train.groups[rows]),
            times=None if train.times is None else np.array(train.times[rows]),
            originals=None if train.originals is None else train.originals.take(rows),
        )
        first = np.arange(len(chosen[0]))
        return cls(
            dataclasses.replace(examples, rows=first),
            dataclasses.replace(examples, rows=np.arange(len(first), len(rows))),
        )

    def with_arrays(self, inputs: NDArray[Any] | None = None, targets: NDArray[Any] | None = None) -> FewRows:
        """Return the same rows with other inputs or targets; images have no originals then."""
        originals = self.train.originals if inputs is None else None
        inputs = self.train.inputs if inputs is None else inputs
        targets = self.train.targets if targets is None else targets
        return FewRows(
            *(
                dataclasses.replace(part, inputs=inputs, targets=targets, originals=originals)
                for part in (self.train, self.validation)
            )
        )

    def shuffled(self, seed: int) -> FewRows:
        """Return the same rows with their targets in random order."""
        order = np.random.default_rng(seed).permutation(len(self.train.targets))
        return self.with_arrays(targets=self.train.targets[order])

    def other_validation(self) -> FewRows:
        """Return the same training rows with other validation rows: two of them again and again.

        Inputs and targets stay legal, and every statistic over the validation rows changes.
        """
        inputs, targets, rows = self.train.inputs.copy(), self.train.targets.copy(), self.validation.rows
        different = np.flatnonzero(
            np.any(np.reshape(targets[rows] != targets[rows[0]], (len(rows), -1)), axis=1)
        )
        pair = rows[[0, different[0] if len(different) else len(rows) - 1]]
        source = pair[np.arange(len(rows)) % 2]
        inputs[rows], targets[rows] = self.train.inputs[source], self.train.targets[source]
        return self.with_arrays(inputs, targets)

    def alone(self, most: int, seed: int) -> Examples:
        """Return a few training rows, of different classes where there are classes."""
        rows, targets = self.train.rows, self.train.targets
        order = np.random.default_rng(seed).permutation(rows)
        if self.train.info.task == "classification":
            labels = targets[order]
            turn = np.array([np.count_nonzero(labels[:n] == label) for n, label in enumerate(labels)])
            order = order[np.argsort(turn, kind="stable")]
        return dataclasses.replace(self.train, rows=np.sort(order[:most]))
