"""Check the constraints of a spec: their limits, and that trials report what they limit."""

from __future__ import annotations

import math

from hpo.core.constraints import Constraint
from hpo.spec.faults import Faults, shown, unknown
from hpo.spec.fields import Document
from hpo.spec.interface import Interface
from hpo.spec.objective_fields import ConstraintFields
from hpo.spec.sampler_facts import SAMPLERS

PREFIX = "validation/"


def resolve_constraints(document: Document, interface: Interface, faults: Faults) -> tuple[Constraint, ...]:
    """Return the constraints with the names under which trials report the values."""
    constraints: dict[str, Constraint] = {}
    for number, fields in enumerate(document.constraints):
        metric = _reported_name(number, fields.metric, interface, faults)
        if metric in constraints:
            faults.add(("constraints", number, "metric"), f"{shown(fields.metric)} has a constraint already")
        elif metric and _limits(number, fields, faults):
            low = -math.inf if fields.at_least is None else fields.at_least
            high = math.inf if fields.at_most is None else fields.at_most
            constraints[metric] = Constraint(metric, low, high)
    if constraints:
        _warn(document, constraints, faults)
    return tuple(constraints.values())


def _reported_name(number: int, name: str, interface: Interface, faults: Faults) -> str:
    """Return the name under which trials report a value; empty if they do not."""
    path = ("constraints", number, "metric")
    scores = [metric.name for metric in interface.metrics]
    bare = name.removeprefix(PREFIX)
    if "test" in bare.lower().replace("-", "_").replace("/", "_").split("_"):
        faults.add(path, f"{shown(name)}: the test part is sealed; legal: values that trials report")
        return ""
    if bare in scores:
        return PREFIX + bare
    legal = [*interface.reports, *scores]
    if name.startswith(PREFIX) or (interface.file is None and name not in interface.reports):
        faults.add(path, f"{shown(name)}: {unknown(bare, legal, 'is not reported by the trainable')}")
        return ""
    if interface.file is not None:
        faults.warn(
            f"constraints: every report has to have a value {shown(name)}, or its trial fails; "
            "whether your code reports it is not known before the first trial"
        )
    return name


def _limits(number: int, fields: ConstraintFields, faults: Faults) -> bool:
    """Return whether a constraint has limits that some value keeps."""
    low, high = fields.at_least, fields.at_most
    if low is None and high is None:
        faults.add(("constraints", number), "has no limit; legal: at_most, at_least, or both")
    elif low is not None and high is not None and low > high:
        faults.add(
            ("constraints", number, "at_least"), f"{low:g} is above at_most ({high:g}), so no value is legal"
        )
    else:
        return True
    return False


def _warn(document: Document, constraints: dict[str, Constraint], faults: Faults) -> None:
    """Warn of samplers that do not learn from constraints, and of what a constraint does not limit."""
    facts = SAMPLERS.get(document.sampler.name)
    if facts is not None and not facts.constraints:
        able = ", ".join(name for name, other in SAMPLERS.items() if other.constraints)
        faults.warn(
            f"constraints: the sampler {facts.name} does not learn from them and will keep proposing trials "
            f"that violate them; samplers that learn from them: {able}"
        )
    if document.ship.model == "ensemble" and any(
        not constraint.of_score for constraint in constraints.values()
    ):
        faults.warn("constraints: they hold for each member of the ensemble, not for all of them together")
