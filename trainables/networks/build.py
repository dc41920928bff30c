"""From a recipe to a network with its first weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn
from torch.nn.utils import parametrizations

from hpo.core.grammar import Group
from trainables import augmentation
from trainables.augmentation.mimo import ManyHeads
from trainables.networks import regularizing
from trainables.networks.initializations import initialize
from trainables.networks.layer_choices import LayerChoices
from trainables.networks.transfer import Probe
from trainables.parts.model import MODEL

LIBRARIES = ("torchvision", "timm")
"""Models that come with first weights of their own."""


def network(recipe: Mapping[str, Any], shape: Any, outputs: int, models: Group = MODEL) -> nn.Module:
    """Build a recipe's network, from torch's current random state.

    Args:
        recipe: In normal form.
        shape: What one example is: (channels, height, width) of images.
        outputs: Numbers given back per example.
        models: Networks that the recipe's ``model`` can name.

    Raises:
        UserError: If the network cannot be built for such examples.
    """
    own = dict(recipe["model"])
    name = own.pop("name")
    heads = augmentation.heads(recipe.get("augment", {}))
    if heads > 1:
        shape, outputs = (heads * shape[0], *shape[1:]), heads * outputs
    built: nn.Module = models.part(name).load()(shape, outputs, LayerChoices(recipe), **own)
    initialize(built, recipe["init"], recipe["activation"]["name"], name in LIBRARIES)
    if recipe["normalization"]["name"] == "weight_norm":
        _normalize_weights(built)
    stage = recipe.get("transfer", {}).get("stage")
    if stage is not None:
        built = Probe(built, stage, shape, outputs)
    regularizing.drop_connect(built, recipe["regularize"].get("drop_connect", {}).get("p", 0.0))
    return ManyHeads(built, heads) if heads > 1 else built


def _normalize_weights(built: nn.Module) -> None:
    layers = [module for module in built.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    for layer in layers[:-1]:
        # Weights at zero have no direction.
        if bool(layer.weight.flatten(1).norm(dim=1).all()):
            parametrizations.weight_norm(layer)
