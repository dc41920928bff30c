"""The layers of the networks built here, as a recipe chooses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from trainables.networks import regularizing
from trainables.networks.normalizations import Layout
from trainables.parts.activation import ACTIVATION
from trainables.parts.normalization import NORMALIZATION


def sequence(*layers: nn.Module) -> nn.Sequential:
    """Layers one after the other, without those that do nothing."""
    return nn.Sequential(*(layer for layer in layers if not isinstance(layer, nn.Identity)))


@dataclass(frozen=True)
class LayerChoices:
    """Builds the layers between linear maps.

    Attributes:
        recipe: In normal form.
    """

    recipe: Mapping[str, Any]

    def activation(self, channels: int, layout: Layout = "features") -> nn.Module:
        """Activation after a layer.

        Args:
            channels: Of its input.
            layout: Of its input; see `trainables.networks.normalizations`.
        """
        name, options = _split(self.recipe["activation"])
        build = ACTIVATION.part(name).load()
        arguments = (channels, layout) if getattr(build, "needs_channels", False) else ()
        layer: nn.Module = build(*arguments, **options)
        return layer

    def norm(self, channels: int, layout: Layout = "features") -> nn.Module:
        """Normalization of a layer's outputs; arguments as for `activation`."""
        name, options = _split(self.recipe["normalization"])
        layer: nn.Module = NORMALIZATION.part(name).load()(channels, layout, **options)
        return layer

    def dropout(self) -> nn.Module:
        """Dropout of a layer's outputs."""
        return regularizing.dropout(self.strength("dropout"))

    def residual_drop(self, depth: float) -> nn.Module:
        """Stochastic depth of a block at a depth from 0 (first) to 1 (last)."""
        return regularizing.stochastic_depth(self.strength("stochastic_depth") * depth)

    def pooling(self, size: int) -> nn.Module:
        """Pooling that ends a stage of images of this size; nothing for a single pixel."""
        if size < 2:
            return nn.Identity()
        chosen = self.recipe["regularize"].get("fractional_max_pooling")
        if chosen and int(size * chosen["ratio"]) >= 1 and size > 2:
            return regularizing.fractional_max_pooling(chosen["ratio"])
        return nn.MaxPool2d(2)

    def names(self, regularizer: str) -> bool:
        """Return whether the recipe names a regularizer."""
        return regularizer in self.recipe["regularize"]

    def strength(self, regularizer: str) -> float:
        """Probability of a regularizer that drops something; 0 if it is not on."""
        return float(self.recipe["regularize"].get(regularizer, {}).get("p", 0.0))


def _split(choice: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    options = dict(choice)
    return options.pop("name"), options
