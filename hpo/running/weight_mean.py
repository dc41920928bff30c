"""The mean of a network's weights over the last epochs of one training.

Along a trajectory that circles a wide minimum the mean lies closer to its middle than any point of
it (Izmailov et al., UAI 2018, https://arxiv.org/abs/1803.05407; over checkpoints as here: Kaddour,
"Stop wasting my time!", 2022, https://arxiv.org/abs/2209.14981). What is no mean of its kind, as
the statistics of batch norms, the trainable takes anew from its training rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hpo.core.trainable import Arrays, Model

COUNT = "count"


class WeightMean:
    """Grows by one epoch at a time; exact for what never changes.

    Args:
        after: Epochs whose weights do not count.
    """

    def __init__(self, after: int):
        self._after = after
        self._count = 0
        self._kinds: dict[str, np.dtype[Any]] = {}
        self._mean: dict[str, Any] = {}

    def add(self, epoch: int, model: Model) -> None:
        """Take the weights after an epoch in, if it counts."""
        if epoch <= self._after:
            return
        self._count += 1
        for name, array in model.weights().items():
            now = np.asarray(array)
            self._kinds[name] = now.dtype
            if now.dtype.kind != "f":
                self._mean[name] = now.copy()  # counters and codes: the last ones
            elif name not in self._mean:
                self._mean[name] = now.astype(np.float64)
            else:
                # Not a sum that is divided at the end: what is constant stays so, to the last bit.
                self._mean[name] += (now - self._mean[name]) / self._count

    def arrays(self) -> dict[str, Any]:
        """The mean, each array of the type that it had."""
        return {name: np.asarray(array).astype(self._kinds[name]) for name, array in self._mean.items()}

    def state(self) -> dict[str, Any]:
        """All that is needed to go on; nothing before the first epoch that counts."""
        if not self._count:
            return {}
        kinds = {f"kind/{name}": np.zeros(0, kind) for name, kind in self._kinds.items()}
        return {COUNT: np.array(self._count), **kinds, **{f"mean/{k}": v for k, v in self._mean.items()}}

    def restore(self, arrays: Mapping[str, Any]) -> None:
        """Go back to what `state` gave."""
        if COUNT not in arrays:
            return
        self._count = int(arrays[COUNT])
        self._kinds = {k.removeprefix("kind/"): v.dtype for k, v in _starting("kind/", arrays).items()}
        self._mean = {k.removeprefix("mean/"): np.array(v) for k, v in _starting("mean/", arrays).items()}


def _starting(prefix: str, arrays: Arrays) -> dict[str, Any]:
    return {name: array for name, array in arrays.items() if name.startswith(prefix)}
