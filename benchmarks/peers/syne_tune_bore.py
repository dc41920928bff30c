"""Syne Tune's BORE, with its candidates scored in one call instead of one by one.

It draws and proposes the same (a test compares the two); it takes a fraction of the time, so a comparison on
many tasks is possible.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from syne_tune.optimizer.schedulers.searchers.bore import Bore


class BatchedBore(Bore):
    """Random search for the best of ``feval_acq`` candidates, Bore's default."""

    def suggest(self, **unused: Any) -> dict[str, Any] | None:
        """Return what Bore suggests."""
        config = self._next_points_to_evaluate()
        if config is not None:
            return config
        if len(self.inputs) < self.init_random or self.random_state.rand() < self.random_prob:
            return self._get_random_config()
        if not self._train_model(self.inputs, self.targets):
            return self._get_random_config()
        candidates: list[dict[str, Any]] = []
        while len(candidates) < self.feval_acq:
            drawn = self._get_random_config()
            if drawn not in candidates:
                candidates.append(drawn)
        losses = self._loss(np.array([self._hp_ranges.to_ndarray(each) for each in candidates]))
        return candidates[int(losses.argmin())]
