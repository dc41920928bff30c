"""Classifiers of torchvision and timm by name, adapted to the data set's images."""

from __future__ import annotations

import re
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from trainables.networks.layer_choices import LayerChoices
from trainables.networks.no_decay import no_decay_names
from trainables.parts.names import Size, sizes

NOT_DECAYED = ("class_token", "pos_embedding", "relative_position_bias_table", "layer_scale", "logit_scale")
"""Ends of the names of torchvision's parameters that its references do not decay, or should not."""

POSITIONS = re.compile(r"pos_embed\d*")
"""Names of timm's positions; not every model there names them in ``no_weight_decay``."""


class Fitted(nn.Module):
    """Gives images the channels and the size that a model needs.

    Args:
        model: The classifier.
        channels: Channels that it takes; grey images are repeated to as many.
        size: Images that it takes; smaller ones are enlarged.
    """

    def __init__(self, model: nn.Module, channels: int, size: Size):
        super().__init__()
        self.model, self.channels, self.size = model, channels, size

    def no_weight_decay(self) -> set[str]:
        """Return the parameters that the wrapped model exempts, or should; see `no_decay_names`."""
        parameters = self.model.named_parameters()
        names = {f"model.{name}" for name, parameter in parameters if _no_weight(name, parameter)}
        return names | no_decay_names(self.model, "model.")

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [n, classes] of images [n, c, h, w]."""
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


def torchvision(shape: tuple[int, ...], outputs: int, choices: LayerChoices, architecture: str) -> nn.Module:
    """Return a torchvision classifier with random weights."""
    channels = shape[0] if shape[0] != 1 else 3
    model = plain_torchvision(architecture, outputs)
    _set_drops(model, choices)
    return Fitted(_with_channels(model, channels), channels, sizes("torchvision")[architecture])


def timm(shape: tuple[int, ...], outputs: int, choices: LayerChoices, architecture: str) -> nn.Module:
    """Return a timm classifier with random weights."""
    model = plain_timm(architecture, outputs, shape[0], choices.strength("stochastic_depth"))
    _set_drops(model, choices)
    return Fitted(model, shape[0], sizes("timm")[architecture])


def plain_torchvision(architecture: str, outputs: int) -> nn.Module:
    """Return the classifier as torchvision builds it, without auxiliary heads."""
    from trainables import torchvision_ops  # noqa: F401
    from torchvision import models  # isort: skip

    heads: dict[str, Any] = {}
    if architecture in ("googlenet", "inception_v3"):
        heads = {"aux_logits": False, "init_weights": False}
    model: nn.Module = models.get_model(architecture, weights=None, num_classes=outputs, **heads)
    return model


def plain_timm(architecture: str, outputs: int, channels: int = 3, skipped: float = 0.0) -> nn.Module:
    """Return the classifier as timm builds it, with stochastic depth if it supports it."""
    from trainables import torchvision_ops  # noqa: F401
    import timm as library  # isort: skip

    options: dict[str, Any] = {"num_classes": outputs, "in_chans": channels}
    try:
        model: nn.Module = library.create_model(architecture, drop_path_rate=skipped or None, **options)
    except TypeError:
        model = library.create_model(architecture, **options)
    return model


def _no_weight(name: str, parameter: Tensor) -> bool:
    """Return whether a parameter is a token, a position, a bias or a scale, whatever its dimensions.

    A scale of each channel can be [c, 1, 1], so that it is multiplied with images as it is.
    """
    last = name.rpartition(".")[2]
    vector = last != "weight" and parameter.numel() == max(parameter.shape, default=1)
    return vector or last.endswith(NOT_DECAYED) or POSITIONS.fullmatch(last) is not None


def _with_channels(model: nn.Module, channels: int) -> nn.Module:
    """Replace the first convolution if images have neither one channel nor three."""
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


def _set_drops(model: nn.Module, choices: LayerChoices) -> None:
    """Set the dropout and stochastic depth of the recipe, if it names them."""
    if choices.names("dropout"):
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = choices.strength("dropout")
    blocks = [module for module in model.modules() if type(module).__name__ == "StochasticDepth"]
    if choices.names("stochastic_depth"):
        for depth, block in enumerate(blocks):
            block.p = choices.strength("stochastic_depth") * depth / max(1, len(blocks) - 1)  # type: ignore[assignment]
