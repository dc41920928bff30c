"""NePS's PriorBand and Hyperband, by its ask and tell.

Mallik et al., "PriorBand: Practical Hyperparameter Optimization in the Age of Deep Learning", NeurIPS 2023.
PriorBand is given the product's own usual values as its prior, so that only what the two make of them
differs. A configuration that is promoted goes on from where it was left; a diverged one is told the worst
finite value so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.comparison import FACTOR
from benchmarks.curve_tasks import Task
from benchmarks.peers.foreign import Job, Worst, plain, release
from hpo.core.practice import UNKNOWN
from hpo.core.space import Choice, Domain, Integer, Parameter
from hpo.sampling.usual_values import usual_in

FIDELITY = "epochs_of_a_trial"
"""Name of the fidelity, which no task's hyperparameter has."""


class NepsPeer:
    """``priorband`` or ``hyperband``."""

    def __init__(self, task: Task, first: int, seed: int, method: str):
        import numpy as np
        import torch
        from neps.optimizers import algorithms
        from neps.optimizers.ask_and_tell import AskAndTell
        from neps.space import HPOInteger, SearchSpace

        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)
        priors = {p.name: _usual(p, task) if method == "priorband" else None for p in task.space.parameters}
        elements = {p.name: _parameter(p.domain, priors[p.name]) for p in task.space.parameters}
        elements[FIDELITY] = HPOInteger(first, task.horizon, is_fidelity=True)
        optimizer = getattr(algorithms, method)(SearchSpace(elements), eta=FACTOR)
        self._neps, self._space, self._worst = AskAndTell(optimizer), task.space, Worst()
        self._numbers: dict[str, int] = {}
        self._trials: dict[int, Any] = {}
        known = sum(prior is not None for prior in priors.values())
        self.settings = f"{release('neural-pipeline-search')}: {method}(eta={FACTOR}), epochs {first} to "
        self.settings += f"{task.horizon}, a prior for {known} of {len(priors)} hyperparameters"

    def ask(self) -> Job:
        """Return a configuration and the epoch of its bracket."""
        trial = self._neps.ask()
        name = trial.metadata.id.split("_")[0]
        number = self._numbers.setdefault(name, len(self._numbers))
        self._trials[number] = trial
        return Job(number, plain(self._space, trial.config), round(trial.config[FIDELITY]))

    def report(self, trial: int, epoch: int, value: float) -> bool:
        """Let every job run to its epoch."""
        self._worst.instead_of(value)
        return True

    def tell(self, trial: int, end: str, value: float) -> None:
        """Tell NePS the value of the last epoch."""
        self._neps.tell(self._trials.pop(trial), self._worst.instead_of(value))


def _usual(parameter: Parameter, task: Task) -> float | None:
    """Return the product's usual value, if it lies in the range; of several, the first."""
    domain = parameter.domain
    if isinstance(domain, Choice):
        return None
    values = [usual.value for usual in usual_in(parameter, task.space, UNKNOWN).values()]
    return next((value for value in values if domain.low <= value <= domain.high), None)


def _parameter(domain: Domain, prior: float | None) -> Any:
    from neps.space import HPOCategorical, HPOFloat, HPOInteger

    if isinstance(domain, Choice):
        return HPOCategorical(list(domain.values))
    settings: Mapping[str, Any] = {"log": domain.log, "prior_confidence": "medium"}
    if isinstance(domain, Integer):
        whole = None if prior is None else round(prior)
        return HPOInteger(domain.low, domain.high, prior=whole, **settings)
    return HPOFloat(domain.low, domain.high, prior=prior, **settings)
