"""Build a network with its initial weights from a recipe."""

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


def network(recipe: Mapping[str, Any], shape: Any, outputs: int, models: Group = MODEL) -> nn.Module:
    """Build a recipe's network, using torch's current random state.

    Args:
        recipe: In normal form.
        shape: Shape of one example: (channels, height, width) of images.
        outputs: Outputs per example.
        models: Networks that the recipe's ``model`` can name.

    Raises:
        UserError: If the network cannot be built for such examples.
    """
    options = dict(recipe["model"])
    name = options.pop("name")
    heads = augmentation.heads(recipe.get("augment", {}))
    if heads > 1:
        shape, outputs = (heads * shape[0], *shape[1:]), heads * outputs
    body: nn.Module = models.part(name).load()(shape, outputs, LayerChoices(recipe), **options)
    initialize(body, recipe["init"], recipe["activation"]["name"], name)
    if recipe["normalization"]["name"] == "weight_norm":
        _normalize_weights(body)
    stage = recipe.get("transfer", {}).get("stage")
    if stage is not None:
        body = Probe(body, stage, shape, outputs)
    regularizing.drop_connect(body, recipe["regularize"].get("drop_connect", {}).get("p", 0.0))
    return ManyHeads(body, heads) if heads > 1 else body


def _normalize_weights(body: nn.Module) -> None:
    layers = [module for module in body.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    for layer in layers[:-1]:
        # Zero weights have no direction.
        if bool(layer.weight.flatten(1).norm(dim=1).all()):
            parametrizations.weight_norm(layer)
