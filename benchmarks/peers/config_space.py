"""A space in the words of ConfigSpace, which DEHB and SMAC3 share."""

from __future__ import annotations

from typing import Any

from hpo.core.space import Integer, Space


def config_space(space: Space, seed: int) -> Any:
    """The ``ConfigurationSpace`` with the same ranges."""
    from ConfigSpace import ConfigurationSpace, UniformFloatHyperparameter, UniformIntegerHyperparameter

    made = ConfigurationSpace(seed=seed)
    for parameter in space.parameters:
        domain = parameter.domain
        kind = UniformIntegerHyperparameter if isinstance(domain, Integer) else UniformFloatHyperparameter
        made.add(kind(parameter.name, domain.low, domain.high, log=domain.log))
    return made
