"""The mean of a network's weights over the last epochs of one training.

Along a trajectory that circles a wide minimum the mean lies closer to its middle than any point of
it (Izmailov et al., UAI 2018, https://arxiv.org/abs/1803.05407; over checkpoints as here: Kaddour,
"Stop wasting my time!", 2022, https://arxiv.org/abs/2209.14981). What cannot be averaged, such as the
statistics of batch norms, is recomputed by the trainable from its training rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hpo.core.trainable import Arrays, Model

COUNT = "count"


class WeightMean:
    """A running mean over epochs, exact for values that never change.

    Args:
        after: Number of first epochs whose weights are ignored.
    """

    def __init__(self, after: int):
        self._after = after
        self._count = 0
        self._kinds: dict[str, np.dtype[Any]] = {}
        self._mean: dict[str, Any] = {}

    def add(self, epoch: int, model: Model) -> None:
        """Add the weights after an epoch, unless it is ignored."""
        if epoch <= self._after:
            return
        self._count += 1
        for name, array in model.weights().items():
            now = np.asarray(array)
            self._kinds[name] = now.dtype
            if now.dtype.kind != "f":
                self._mean[name] = now.copy()  # counters and codes: keep the last value
            elif name not in self._mean:
                self._mean[name] = now.astype(np.float64)
            else:
                # An incremental mean keeps constant values exact, unlike a sum divided at the end.
                self._mean[name] += (now - self._mean[name]) / self._count

    def arrays(self) -> Arrays:
        """Return the mean, each array with its original type."""
        return {name: np.asarray(array).astype(self._kinds[name]) for name, array in self._mean.items()}

    def state(self) -> Arrays:
        """Return what is needed to continue; empty before the first epoch that counts."""
        if not self._count:
            return {}
        kinds = {f"kind/{name}": np.zeros(0, kind) for name, kind in self._kinds.items()}
        return {COUNT: np.array(self._count), **kinds, **{f"mean/{k}": v for k, v in self._mean.items()}}

    def restore(self, arrays: Arrays) -> None:
        """Restore what `state` returned."""
        if COUNT not in arrays:
            return
        self._count = int(arrays[COUNT])
        self._kinds = {k.removeprefix("kind/"): v.dtype for k, v in _starting("kind/", arrays).items()}
        self._mean = {k.removeprefix("mean/"): np.array(v) for k, v in _starting("mean/", arrays).items()}


def _starting(prefix: str, arrays: Arrays) -> Arrays:
    return {name: array for name, array in arrays.items() if name.startswith(prefix)}
