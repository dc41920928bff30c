"""Importances of parameters by PED-ANOVA, over all trials of a search as they were at the first rung.

Trials that early stopping ended are the ones with bad choices. Among the fully trained rest, a parameter
that decides everything hardly varies and seems unimportant, so all trials are compared at the first
rung, which all of them reach. Only ranks count: one diverged loss does not outweigh the others.

PED-ANOVA (Watanabe et al., IJCAI 2023) compares where the best tenth of the trials lie with where all of
them lie. Its conditional form (https://arxiv.org/abs/2601.20800, Optuna 5) covers parameters that exist
only under other choices.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from scipy.stats import rankdata

from hpo.core.formatting import count
from hpo.core.importance import FEWEST_TRIALS, Importance, ImportanceRanking
from hpo.core.space import Point, Space
from hpo.sampling.distributions import distribution, label

EVALUATOR = "PED-ANOVA (Optuna), best tenth of all trials by rank"
RESAMPLES = 20
"""Bootstrap samples of the trials, for the whiskers."""

MOST_WHISKERS = 30
"""Parameters with whiskers, the most important ones: resampling all of a hundred takes a minute."""

Values = NDArray[np.float64]


def importances(
    space: Space, compared: Sequence[tuple[Point, float]], *, epoch: int, seed: int
) -> ImportanceRanking:
    """Rank the parameters of a space by their importance for being among the best tenth.

    Args:
        space: The searched space.
        compared: Point of each trial, and its value on a scale where more is better; -inf for a
            trial that diverged.
        epoch: The epoch after which the values were taken.
        seed: Decides the resampling.
    """
    if len(compared) < FEWEST_TRIALS:
        reason = (
            f"{count(len(compared), 'trial')} can be compared at epoch {epoch}; "
            f"at least {FEWEST_TRIALS} are needed"
        )
        return ImportanceRanking((), len(compared), epoch, EVALUATOR, reason)
    if len({value for _, value in compared}) == 1:
        return ImportanceRanking((), len(compared), epoch, EVALUATOR, "all trials have the same value")
    trials = _trials(space, compared)
    names = [parameter.name for parameter in space.parameters]
    by_name = dict(zip(names, _raw(trials, names), strict=True))
    order = sorted(names, key=lambda name: -by_name[name])
    raw = np.array([by_name[name] for name in order])
    shares = raw / (raw.sum() or 1.0)
    first, rest = order[:MOST_WHISKERS], float(raw[MOST_WHISKERS:].sum())
    draws = np.random.default_rng(seed).integers(len(trials), size=(RESAMPLES, len(trials)))
    resampled = np.array([_raw([trials[i] for i in draw], first) for draw in draws])
    totals = resampled.sum(axis=1, keepdims=True) + rest
    low, high = np.quantile(resampled / np.where(totals > 0, totals, 1.0), (0.1, 0.9), axis=0)
    nothing = np.full(len(order) - len(first), np.nan)
    low, high = np.minimum(shares, [*low, *nothing]), np.maximum(shares, [*high, *nothing])
    rows = zip(order, shares.tolist(), low.tolist(), high.tolist(), strict=True)
    return ImportanceRanking(tuple(Importance(*row) for row in rows), len(compared), epoch, EVALUATOR)


class _Study(optuna.Study):
    """A study of given trials, lowest value best, without a storage that would copy each of them."""

    def __init__(self, trials: list[FrozenTrial]):
        self._given = trials

    def get_trials(self, deepcopy: bool = True, states: object = None) -> list[FrozenTrial]:
        """Return the trials, all of which are complete."""
        return self._given

    @property
    def directions(self) -> list[StudyDirection]:
        """The lowest rank is the best."""
        return [StudyDirection.MINIMIZE]

    def _is_multi_objective(self) -> bool:
        return False


def _trials(space: Space, compared: Sequence[tuple[Point, float]]) -> list[FrozenTrial]:
    """Return the trials with their rank as value; the best rank is 1."""
    domains = {parameter.name: _same_object(distribution(parameter.domain)) for parameter in space.parameters}
    ranks = rankdata([-value for _, value in compared])
    return [
        FrozenTrial(
            number=number,
            trial_id=number,
            state=TrialState.COMPLETE,
            value=float(rank),
            params={name: label(value) for name, value in point.items()},
            distributions={name: domains[name] for name in point},
            datetime_start=None,
            datetime_complete=None,
            user_attrs={},
            system_attrs={},
            intermediate_values={},
        )
        for number, ((point, _), rank) in enumerate(zip(compared, ranks, strict=True))
    ]


def _same_object(shared: BaseDistribution) -> BaseDistribution:
    """Return a distribution that equals only itself.

    The evaluator looks each trial's distribution up in a dictionary; comparing all their fields takes most
    of its time, and here all trials share one object for each parameter.
    """
    kind = type(shared)
    by_identity = {"__eq__": object.__eq__, "__hash__": object.__hash__}
    shared.__class__ = type(kind.__name__, (kind,), by_identity)
    return shared


def _raw(trials: list[FrozenTrial], names: list[str]) -> Values:
    """Return each parameter's importance; 0 for one that no trial has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a rare branch has few trials: the whiskers show it
        tried = {name for trial in trials for name in trial.params}
        raw = PedAnovaImportanceEvaluator().evaluate(_Study(trials), [n for n in names if n in tried])
    return np.array([raw.get(name, 0.0) for name in names])
