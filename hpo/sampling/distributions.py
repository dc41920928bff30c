"""Convert a space to Optuna's distributions, and an Optuna trial's parameters to a point of the space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial

from hpo.core.recipe import canonical
from hpo.core.space import Choice, Domain, Integer, Point, Space, Uniform
from hpo.sampling.non_adaptive import at

SHARE = FloatDistribution(0.0, 1.0)
"""Distribution of the share of a prior that lies below a value."""


def distribution(domain: Domain) -> BaseDistribution:
    """Return the Optuna distribution with the same values, and the same prior unless that is shaped."""
    match domain:
        case Uniform(low, high, log) if domain.shaped:
            return FloatDistribution(low, high, log=log)
        case Uniform(low, high, log, step):
            return FloatDistribution(low, high, log=log, step=step)
        case Integer(low, high, log, step):
            return IntDistribution(low, high, log=log, step=step)
        case Choice(values):
            return CategoricalDistribution([label(value) for value in values])


def label(value: Any) -> bool | int | float | str | None:
    """Return what Optuna stores in place of a choice: lists and mappings become text."""
    return canonical(value) if isinstance(value, list | tuple | Mapping) else value


def suggest(space: Space, trial: Trial) -> Point:
    """Let a trial suggest every parameter that exists, parents before their children.

    Returns:
        A point, which may be forbidden.
    """
    point: dict[str, Any] = {}
    for parameter in space.parameters:
        if space.exists(parameter, point):
            point[parameter.name] = _suggest(trial, parameter.name, parameter.domain)
    return point


def _suggest(trial: Trial, name: str, domain: Domain) -> Any:
    match domain:
        case Uniform() if domain.shaped:
            return domain.quantile(trial.suggest_float(name, 0.0, 1.0))
        case Uniform(low, high, log, step):
            value = trial.suggest_float(name, low, high, log=log, step=step)
            return value if step is None else domain.at(round((value - low) / step))
        case Integer(low, high, log, step):
            return trial.suggest_int(name, low, high, log=log, step=step)
        case Choice(values):
            labels = [label(value) for value in values]
            chosen = trial.suggest_categorical(name, labels)
            return values[next(i for i, candidate in enumerate(labels) if _same(candidate, chosen))]


def parameters(space: Space, point: Point) -> tuple[Point, dict[str, BaseDistribution]]:
    """Return a point as the parameters and distributions of an Optuna trial that a sampler learns from.

    Shaped priors, which Optuna lacks, are sampled by the share of the prior that lies below a value.
    """
    values, distributions = shown_parameters(space, point)
    domains = {name: space.by_name[name].domain for name in point}
    shares = {
        name: domain.position(point[name])
        for name, domain in domains.items()
        if isinstance(domain, Uniform) and domain.shaped
    }
    return {**values, **shares}, {**distributions, **dict.fromkeys(shares, SHARE)}


def shown_parameters(space: Space, point: Point) -> tuple[Point, dict[str, BaseDistribution]]:
    """Return a point as the parameters and distributions of an Optuna trial, with all values as they are."""
    values = {name: label(value) for name, value in point.items()}
    return values, {name: distribution(space.by_name[name].domain) for name in point}


def proposed(space: Space, trial: Trial, point: Point) -> bool:
    """Return whether a trial of a sampler is at a point."""
    if trial.params.keys() != point.keys():
        return False
    for name, value in trial.params.items():
        domain = space.by_name[name].domain
        shaped = isinstance(domain, Uniform) and domain.shaped
        if (at(domain, value) if shaped else value) != label(point[name]):
            return False
    return True


def _same(a: object, b: object) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)
