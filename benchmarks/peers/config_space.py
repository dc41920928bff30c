"""A space as a ConfigSpace, which DEHB and SMAC3 share."""

from __future__ import annotations

from typing import Any

from hpo.core.space import Choice, Domain, Integer, Space


def config_space(space: Space, seed: int) -> Any:
    """Return the ``ConfigurationSpace`` with the same ranges."""
    from ConfigSpace import ConfigurationSpace

    configuration_space = ConfigurationSpace(seed=seed)
    for parameter in space.parameters:
        configuration_space.add(_hyperparameter(parameter.name, parameter.domain))
    return configuration_space


def _hyperparameter(name: str, domain: Domain) -> Any:
    import ConfigSpace

    if isinstance(domain, Choice):
        return ConfigSpace.CategoricalHyperparameter(name, list(domain.values))
    if isinstance(domain, Integer):
        return ConfigSpace.UniformIntegerHyperparameter(name, domain.low, domain.high, log=domain.log)
    return ConfigSpace.UniformFloatHyperparameter(name, domain.low, domain.high, log=domain.log)
