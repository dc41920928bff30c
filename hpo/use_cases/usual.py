"""What the default sampler takes to be usual, hyperparameter by hyperparameter, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo.core.practice import practice_of
from hpo.core.space import Choice, Domain, Uniform
from hpo.sampling.usual_values import UsualValue, usual_in
from hpo.spec import SearchSpec


def usual_texts(spec: SearchSpec) -> Mapping[str, str]:
    """Return what is usual for each parameter of a spec; empty texts where nothing is.

    Only the sampler ``auto`` starts from usual values.
    """
    if spec.sampler.name != "auto":
        return {parameter.name: "" for parameter in spec.space.parameters}
    practice = practice_of(spec.recipe, spec.prior)
    return {p.name: _text(usual_in(p, spec.space, practice), p.domain) for p in spec.space.parameters}


def _text(values: Mapping[Any, UsualValue], domain: Domain) -> str:
    used = {optimizer: usual for optimizer, usual in values.items() if _holds(usual, domain)}
    if not used:
        return ""
    if len({usual.value for usual in used.values()}) == 1:
        (usual, *_) = used.values()
        return f"{usual.value:g}{_spread(usual, domain)}"
    return ", ".join(f"{optimizer} {usual.value:g}" for optimizer, usual in used.items())


def _holds(usual: UsualValue, domain: Domain) -> bool:
    """Return whether a usual value lies in the range and has a spread on its scale."""
    if isinstance(domain, Choice):
        numbers = [v for v in domain.values if isinstance(v, int | float) and not isinstance(v, bool)]
        return len(numbers) == len(domain.values) and min(numbers) <= usual.value <= max(numbers)
    if isinstance(domain, Uniform) and domain.bell:
        return False  # its own distribution counts
    return domain.low <= usual.value <= domain.high and (domain.log or usual.spread is not None)


def _spread(usual: UsualValue, domain: Domain) -> str:
    if isinstance(domain, Choice) or domain.log:
        return f", within a factor of {10**usual.decades:.2g}"
    return f" ± {usual.spread:g}"
