"""Classifiers of torchvision and timm by name, fitted to the images at hand."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from trainables.networks.layer_choices import LayerChoices
from trainables.networks.no_decay import spared
from trainables.parts.names import Size, sizes


class Fitted(nn.Module):
    """Brings images to the channels and the size that a model needs.

    Args:
        model: The classifier.
        channels: Channels that it takes; an image of one channel is given to it as that many alike.
        size: Images that it takes; smaller ones are enlarged.
    """

    def __init__(self, model: nn.Module, channels: int, size: Size):
        super().__init__()
        self.model, self.channels, self.size = model, channels, size

    def no_weight_decay(self) -> set[str]:
        """What the network inside spares; see `spared`."""
        return spared(self.model, "model.")

    def forward(self, images: Tensor) -> Tensor:
        """Logits [n, classes] of images [n, c, h, w]."""
        if images.shape[1] != self.channels:
            images = images.expand(-1, self.channels, -1, -1)
        height, width = images.shape[2:]
        target = self._target(height, width)
        if target != (height, width):
            images = F.interpolate(images, target, mode="bilinear", antialias=True)
        outputs: Tensor = self.model(images)
        return outputs

    def _target(self, height: int, width: int) -> tuple[int, int]:
        if self.size.exact:
            return self.size.least, self.size.least
        scale = max(1.0, self.size.least / min(height, width))
        return round(height * scale), round(width * scale)


def torchvision(
    shape: tuple[int, ...], outputs: int, ingredients: LayerChoices, architecture: str
) -> nn.Module:
    """A torchvision classifier with random weights."""
    channels = shape[0] if shape[0] != 1 else 3
    model = plain_torchvision(architecture, outputs)
    _set_drops(model, ingredients)
    return Fitted(_with_channels(model, channels), channels, sizes("torchvision")[architecture])


def timm(shape: tuple[int, ...], outputs: int, ingredients: LayerChoices, architecture: str) -> nn.Module:
    """A timm classifier with random weights."""
    model = plain_timm(architecture, outputs, shape[0], ingredients.strength("stochastic_depth"))
    _set_drops(model, ingredients)
    return Fitted(model, shape[0], sizes("timm")[architecture])


def plain_torchvision(architecture: str, outputs: int) -> nn.Module:
    """The classifier as torchvision builds it, without auxiliary heads."""
    from trainables import torchvision_ops  # noqa: F401
    from torchvision import models  # isort: skip

    heads: dict[str, Any] = {}
    if architecture in ("googlenet", "inception_v3"):
        heads = {"aux_logits": False, "init_weights": False}
    model: nn.Module = models.get_model(architecture, weights=None, num_classes=outputs, **heads)
    return model


def plain_timm(architecture: str, outputs: int, channels: int = 3, skipped: float = 0.0) -> nn.Module:
    """The classifier as timm builds it, with stochastic depth where it has any."""
    from trainables import torchvision_ops  # noqa: F401
    import timm as library  # isort: skip

    own: dict[str, Any] = {"num_classes": outputs, "in_chans": channels}
    try:
        model: nn.Module = library.create_model(architecture, drop_path_rate=skipped or None, **own)
    except TypeError:
        model = library.create_model(architecture, **own)
    return model


def _with_channels(model: nn.Module, channels: int) -> nn.Module:
    """Exchange the first convolution where images are neither grey nor of three channels."""
    first = next(name for name, module in model.named_modules() if isinstance(module, nn.Conv2d))
    old = model.get_submodule(first)
    assert isinstance(old, nn.Conv2d)
    if old.in_channels != channels:
        new = nn.Conv2d(
            channels,
            old.out_channels,
            old.kernel_size,  # type: ignore[arg-type]
            old.stride,  # type: ignore[arg-type]
            old.padding,  # type: ignore[arg-type]
            bias=old.bias is not None,
        )
        model.set_submodule(first, new)
    return model


def _set_drops(model: nn.Module, ingredients: LayerChoices) -> None:
    """Give a model the dropout and stochastic depth of the recipe, where it names them."""
    if ingredients.names("dropout"):
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = ingredients.strength("dropout")
    blocks = [module for module in model.modules() if type(module).__name__ == "StochasticDepth"]
    if ingredients.names("stochastic_depth"):
        for depth, block in enumerate(blocks):
            block.p = ingredients.strength("stochastic_depth") * depth / max(1, len(blocks) - 1)  # type: ignore[assignment]
