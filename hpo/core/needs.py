"""What one training needs of a node: CPUs, GPUs or a share of one, labels and custom resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

GRAIN = 10_000
"""Ray counts resources in ten-thousandths of a unit."""

TOLERANCE = 0.015
"""Relative difference up to which a fraction counts as 1/k, so that 0.33 is a third."""


def share_of(gpus: float) -> int | None:
    """Return k if a number of GPUs is 1/k of one; None if it is zero, whole, or divides no GPU."""
    if not 0 < gpus < 1:
        return None
    parts = round(1 / gpus)
    return parts if parts > 1 and abs(parts * gpus - 1) <= TOLERANCE else None


@dataclass(frozen=True, slots=True)
class Needs:
    """What one training holds, all of it on one node.

    Attributes:
        cpus: CPUs; fractions are allowed below 1.
        gpus: Whole GPUs, or a share of one.
        labels: Values that a node may have, by label; it must have one of them for each label.
        custom: Amounts of custom resources, by name.
    """

    cpus: float
    gpus: float = 0.0
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    custom: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.cpus <= 0 or self.gpus < 0 or any(amount <= 0 for amount in self.custom.values()):
            raise ValueError(f"a training needs some CPUs and no negative amounts: {self}")

    @property
    def parts(self) -> int:
        """Trainings that share one GPU; 1 for whole GPUs and without any."""
        return share_of(self.gpus) or (int(1 / self.gpus) if 0 < self.gpus < 1 else 1)

    @property
    def bundle(self) -> dict[str, float]:
        """The amounts as Ray counts them, rounded so that all shares of a GPU fit on it."""
        gpus = min(self.gpus, GRAIN // self.parts / GRAIN) if self.gpus < 1 else self.gpus
        return {"CPU": self.cpus, **({"GPU": gpus} if gpus else {}), **self.custom}

    @property
    def amounts(self) -> str:
        """CPUs, GPUs and custom resources, in words."""
        words = [f"{self.cpus:g} CPUs", f"{self.gpus:g} GPUs"]
        words += [f"{amount:g} {name}" for name, amount in self.custom.items()]
        return f"{', '.join(words[:-1])} and {words[-1]}"

    @property
    def kind(self) -> str:
        """The labels of the node, in words that follow it; empty if any node will do."""
        words = [f"{label}={' or '.join(values)}" for label, values in self.labels.items()]
        return f" labelled {' and '.join(words)}" if words else ""

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether a node with these labels is of the right kind."""
        return all(labels.get(label) in values for label, values in self.labels.items())

    def fit_into(self, amounts: Mapping[str, float]) -> int:
        """Return how many such trainings fit into amounts of resources, named as Ray names them."""
        return min(int(amounts.get(name, 0.0) / amount + 1e-9) for name, amount in self.bundle.items())
