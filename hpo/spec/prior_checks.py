"""Check the beliefs of a spec: they concern parameters of its space, and lie in their ranges."""

from __future__ import annotations

from collections.abc import Mapping

from hpo.core.space import Choice, Domain, Space
from hpo.spec.faults import Faults, unknown
from hpo.spec.sampler_fields import BeliefFields


def check_prior(
    prior: Mapping[str, BeliefFields | None] | None, sampler: str, space: Space, faults: Faults
) -> None:
    """Check every belief against the domain of its parameter; None is ``off``."""
    if prior != {} and sampler != "auto":
        faults.warn(f"prior has no effect: only the sampler auto uses it, and sampler.name is {sampler}")
    domains = {parameter.name: parameter.domain for parameter in space.parameters}
    for name, belief in (prior or {}).items():
        if name not in domains:
            faults.add(("prior", name), unknown(name, domains, "is not a parameter of the space"))
        elif belief is not None:
            _check_belief(name, belief, domains[name], faults)


def _check_belief(name: str, belief: BeliefFields, domain: Domain, faults: Faults) -> None:
    if isinstance(domain, Choice):
        numbers = [v for v in domain.values if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(numbers) < len(domain.values) or min(numbers) <= 0:
            faults.add(
                ("prior", name), "is a choice between values that are not positive numbers; legal: off"
            )
            return
        low, high, log = min(numbers), max(numbers), True
    else:
        low, high, log = domain.low, domain.high, domain.log
    if not low <= belief.around <= high:
        faults.add(
            ("prior", name, "around"), f"{belief.around:g} is not in the range; legal: {low:g} to {high:g}"
        )
    if log and belief.within <= 1:
        text = f"{belief.within:g} is not a factor, and the range is logarithmic; legal: a number above 1"
        faults.add(("prior", name, "within"), text)
