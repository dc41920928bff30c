"""What is known of a search besides its space: it decides which values are usual for a hyperparameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hpo.core.grammar import part_named
from hpo.core.json_values import RecipeFields

TRANSFORMERS = ("vit", "swin", "bert", "transformer")
"""Parts of the names of networks for which the practice of transformers holds."""


@dataclass(frozen=True, slots=True)
class Belief:
    """Where a user expects the best value of a hyperparameter.

    Attributes:
        around: The most plausible value.
        within: On a logarithmic range the factor, on a linear one the distance, within which the best
            value is expected in two of three cases.
    """

    around: float
    within: float


@dataclass(frozen=True, slots=True)
class Practice:
    """What decides which values are usual.

    Attributes:
        optimizer: Name of the optimizer, if the space does not search over it.
        pretrained: Whether the training starts from the weights of an earlier one.
        transformer: Whether the network is a transformer.
        beliefs: The spec's own expectations by name of a parameter; None where it has none on purpose.
        off: Whether nothing is usual.
    """

    optimizer: str | None = None
    pretrained: bool = False
    transformer: bool = False
    beliefs: Mapping[str, Belief | None] = field(default_factory=dict)
    off: bool = False


UNKNOWN = Practice()
"""Nothing is known besides the space."""


def practice_of(recipe: RecipeFields, prior: Mapping[str, Mapping[str, float] | None] | None) -> Practice:
    """Return the practice of a spec.

    Args:
        recipe: Its fixed choices.
        prior: Its field ``prior``, checked: beliefs by name of a parameter; None for ``off``.
    """
    model = recipe.get("model")
    fields = model if isinstance(model, Mapping) else {"name": model}
    network = f"{fields.get('name', '')} {fields.get('architecture', '')}".lower()
    optimizer = part_named(recipe.get("optimizer"))
    return Practice(
        optimizer=None if optimizer is None else str(optimizer),
        pretrained=bool(recipe.get("transfer")),
        transformer=any(word in network for word in TRANSFORMERS),
        beliefs={name: Belief(**belief) if belief else None for name, belief in (prior or {}).items()},
        off=prior is None,
    )
