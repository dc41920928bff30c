"""Searches replayed on recorded learning curves, whose test curve gives the true quality of a pick.

A folder of curves holds a ``curves.py`` with ``tasks(root)``; every task has ``space``, ``epochs``
and ``replay()``, a function from a configuration to a curve with ``valid`` and ``test`` (lower is
better). Each configuration was recorded once, so the noise of other seeds is simulated: a
Gaussian shift per training and one half as wide per epoch, of the stated width, on the validation
curve only. The test curve stays as recorded.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpo.core.asha import AshaRule
from hpo.core.objective import Objective
from hpo.core.rungs import milestones
from hpo.selection.evidence import Evidence, epoch_luck
from hpo.selection.optimism import measure

LOSS = Objective("loss", "min", "best")
FINALISTS, SEEDS = 3, 5


@dataclass(frozen=True)
class Gap:
    """How much better each number of a search is than its test value.

    Attributes:
        raw: The best single validation score.
        fresh: The estimate by fresh seeds.
        bootstrap: The estimate by the bootstrap over trials.
    """

    raw: float
    fresh: float
    bootstrap: float


def load(folder: Path) -> list[Any]:
    """Load the tasks of a folder that can be replayed on this machine."""
    spec = importlib.util.spec_from_file_location("recorded_curves", folder / "curves.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    has_onnx = importlib.util.find_spec("onnxruntime") is not None
    return [task for task in module.tasks(folder) if has_onnx or not hasattr(type(task), "_session")]


@dataclass(frozen=True)
class Offset:
    """How much higher the test loss is than the validation loss for unselected trials.

    Two parts of a data set are not equally hard, and the difference depends on how good a model is.
    This difference is not optimism. It is the mean over the 30 trials, of 300 random ones at their
    last epoch, that are nearest in the mean of both losses, which favours neither part.

    Attributes:
        levels: Mean of both losses [trials].
        gaps: Test less validation loss [trials].
    """

    levels: np.ndarray
    gaps: np.ndarray

    @classmethod
    def of(cls, task: Any, rng: np.random.Generator) -> Offset:
        """Sample a task."""
        curve = task.replay()
        ends = np.array([(c.valid[-1], c.test[-1]) for c in (curve(_draw(task, rng)) for _ in range(300))])
        ends = ends[np.isfinite(ends).all(axis=1)]
        return cls(ends.mean(axis=1), ends[:, 1] - ends[:, 0])

    def at(self, level: float) -> float:
        """Return the difference for trials of about this quality."""
        return float(self.gaps[np.argsort(np.abs(self.levels - level))[:30]].mean())


def search(task: Any, trials: int, width: float, offset: Offset, rng: np.random.Generator) -> Gap:
    """Play one random search under ASHA (first rung 3, reduction factor 3) and correct its best score."""
    rule = AshaRule(milestones(3, 3, task.epochs), 3, "min")
    replay = task.replay()
    values, curves = {}, {}
    for trial in range(trials):
        curve = replay(_draw(task, rng))
        seen = _with_noise(curve.valid, width, rng)
        running = np.fmin.accumulate(seen)
        if all(rule.report(epoch, float(running[epoch - 1])) for epoch in range(1, task.epochs)):
            if not np.isfinite(seen[-1]):
                continue
            values[trial], curves[trial] = float(running[-1]), curve
    top = sorted(values, key=lambda trial: values[trial])[:FINALISTS]
    fresh = {t: [_with_noise(curves[t].valid, width, rng) for _ in range(SEEDS)] for t in top}
    picked = {t: [int(np.nanargmin(seen)) for seen in rows] for t, rows in fresh.items()}
    replicates = {t: [float(np.nanmin(seen)) for seen in rows] for t, rows in fresh.items()}
    luck = epoch_luck({t: [row.tolist() for row in rows] for t, rows in fresh.items()}, LOSS)
    corrected = measure(Evidence(LOSS, values, replicates, luck=luck), top[0], int(rng.integers(2**31)))
    curve, epochs = curves[corrected.trial], picked[corrected.trial]
    test, valid = float(curve.test[epochs].mean()), float(curve.valid[epochs].mean())
    truth = test - offset.at((test + valid) / 2)
    assert corrected.fresh is not None
    assert corrected.bootstrap is not None
    return Gap(truth - corrected.raw, truth - corrected.fresh.value, truth - corrected.bootstrap)


def _with_noise(valid: np.ndarray, width: float, rng: np.random.Generator) -> np.ndarray:
    return valid + width * rng.standard_normal() + width / 2 * rng.standard_normal(len(valid))


def _draw(task: Any, rng: np.random.Generator) -> dict[str, float]:
    """Draw a configuration, uniform on each parameter's scale."""
    point = {}
    for param in task.space:
        u = rng.random()
        if param.log:
            value = float(np.exp(np.log(param.low) + u * (np.log(param.high) - np.log(param.low))))
        else:
            value = param.low + u * (param.high - param.low)
        point[param.name] = round(value) if param.integer else value
    return point
