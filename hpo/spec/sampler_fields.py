"""The sections ``sampler`` and ``prior`` of a spec: what proposes points, and where it expects good ones."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from hpo.spec.field_types import Record


class Sampler(Record):
    """The sampler, which proposes points."""

    name: str = Field(default="auto", description="auto, tpe, random, qmc, gp, cmaes or grid.")
    options: dict[str, Any] = Field(default={}, description="Settings of the sampler.")


class BeliefFields(Record):
    """Where good values of a parameter are expected."""

    around: float = Field(description="The most plausible value.")
    within: float = Field(
        gt=0, description="A factor above 1 on a logarithmic range, a distance on a linear one."
    )


def off_as_none(value: Any) -> Any:
    """Return a value, and None instead of ``off``."""
    return None if value in ("off", False) else value


Belief = Annotated[BeliefFields | None, BeforeValidator(off_as_none)]
"""Where good values of a parameter are expected; None (``off``) for nothing usual."""
