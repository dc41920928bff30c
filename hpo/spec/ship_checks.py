"""Check that a spec's ``ship`` is possible with its finalists, epochs and trainable."""

from __future__ import annotations

from collections.abc import Mapping

from hpo.core.command import shown_trainable
from hpo.spec.faults import Faults
from hpo.spec.fields import Document
from hpo.spec.interface import Interface

NEEDED: Mapping[str, tuple[str, str]] = {
    "averaged": ("average", "average(recipe, mean, train, context), which completes averaged weights"),
    "ensemble": ("combine", "combine(outputs), which combines the outputs of several models"),
}
"""Method of the trainable that a kind of model needs, and its description."""


def check_ship(document: Document, interface: Interface, faults: Faults) -> None:
    """Report why the model cannot be shipped."""
    ship = document.ship
    for name, kind in (("of", "ensemble"), ("count", "ensemble"), ("epochs", "averaged")):
        if name in ship.model_fields_set and ship.model != kind and getattr(ship, name) is not None:
            default = type(ship).model_fields[name].default
            if getattr(ship, name) != default:
                faults.add(("ship", name), f"has no effect unless model: {kind}; here it is {ship.model}")
    method, description = NEEDED.get(ship.model, ("", ""))
    if method and method not in interface.extras:
        faults.add(
            ("ship", "model"),
            f"{ship.model} needs a trainable with {description}; "
            f"{shown_trainable(document.trainable)} has no such method",
        )
    if ship.model == "ensemble":
        _check_count(document, faults)
    longest = document.scheduler.max_epochs
    if ship.model == "averaged" and ship.epochs and longest and ship.epochs > longest:
        faults.add(
            ("ship", "epochs"), f"{ship.epochs}: a full training has {longest} epochs; legal: 1 to {longest}"
        )


def _check_count(document: Document, faults: Faults) -> None:
    ship, finalists = document.ship, document.finalists
    most = finalists.count if ship.of == "finalists" else finalists.most
    where = "finalists.count" if ship.of == "finalists" else "finalists.seeds"
    if most < (ship.count or 2):
        faults.add(
            ("ship", "count" if ship.count else "model"),
            f"an ensemble of {ship.count or 'at least 2'} needs as many {ship.of}, but {where} allows {most}",
        )
