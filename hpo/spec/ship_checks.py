"""Whether a spec's ``ship`` can be had: from its finalists, its epochs, and its trainable."""

from __future__ import annotations

from collections.abc import Mapping

from hpo.spec.faults import Faults
from hpo.spec.fields import Document
from hpo.spec.interface import Interface

NEEDED: Mapping[str, tuple[str, str]] = {
    "averaged": ("average", "average(recipe, mean, train, context), which completes averaged weights"),
    "ensemble": ("combine", "combine(outputs), which says what several models' outputs come to"),
}
"""The method of a trainable that a kind of model needs, and what it does."""


def check_ship(document: Document, interface: Interface, faults: Faults) -> None:
    """Gather what stands against the model that is to be shipped."""
    said = document.ship
    for name, kind in (("of", "ensemble"), ("count", "ensemble"), ("epochs", "averaged")):
        if name in said.model_fields_set and said.model != kind and getattr(said, name) is not None:
            default = type(said).model_fields[name].default
            if getattr(said, name) != default:
                faults.add(("ship", name), f"is for model: {kind}; here model is {said.model}")
    method, what = NEEDED.get(said.model, ("", ""))
    if method and method not in interface.extras:
        faults.add(
            ("ship", "model"), f"{said.model} needs a trainable with {what}; {document.trainable} has none"
        )
    if said.model == "ensemble":
        _check_count(document, faults)
    longest = document.scheduler.max_epochs
    if said.model == "averaged" and said.epochs and longest and said.epochs > longest:
        faults.add(
            ("ship", "epochs"), f"{said.epochs} of {longest} epochs cannot be averaged; legal: 1 to {longest}"
        )


def _check_count(document: Document, faults: Faults) -> None:
    said, finalists = document.ship, document.finalists
    most = finalists.count if said.of == "finalists" else finalists.most
    where = "finalists.count" if said.of == "finalists" else "finalists.seeds"
    if most < (said.count or 2):
        faults.add(
            ("ship", "count" if said.count else "model"),
            f"an ensemble of {said.count or 'at least 2'} needs as many {said.of}; {where} allows {most}",
        )
