"""Small convolutional network in the style of VGG."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hpo.core.errors import UserError
from trainables.networks.layer_choices import LayerChoices, sequence
from trainables.networks.memory_format import by_pixel


class Cnn(nn.Sequential):
    """See `cnn`."""

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs [n, outputs] of images [n, channels, height, width]."""
        outputs: Tensor = super().forward(by_pixel(x))  # type: ignore[no-untyped-call]
        return outputs


def cnn(
    shape: tuple[int, ...],
    outputs: int,
    choices: LayerChoices,
    channels: int,
    stages: int,
    convolutions: int,
    kernel: int,
    padding: int | None,
) -> Cnn:
    """Build stages of convolution, norm and activation, each ending in a pooling; then mean and head.

    Args:
        shape: (channels, height, width) of an image.
        outputs: Outputs per image.
        choices: Builds norms, activations, poolings and dropout.
        channels: Of the first stage; each further stage has twice as many.
        stages: Number of stages.
        convolutions: Per stage.
        kernel: Width of the square kernels in pixels.
        padding: In pixels; None keeps the size (an even kernel pads one more at the end).

    Raises:
        UserError: If kernel and padding leave no pixel of the image.
    """
    network = Cnn()
    fan, size = shape[0], min(shape[1:])
    for stage in range(stages):
        width = channels * 2**stage
        layers: list[nn.Module] = []
        for _ in range(convolutions):
            size += 0 if padding is None else 2 * padding - kernel + 1
            if size < 1:
                raise UserError(
                    f"model: {stages} stages with kernel {kernel} and padding {padding} leave nothing of an "
                    f"image of {shape[1]} x {shape[2]} pixels; use fewer stages or padding: null"
                )
            layers += [
                nn.Identity() if padding is not None or kernel % 2 else nn.ZeroPad2d((0, 1, 0, 1)),
                nn.Conv2d(fan, width, kernel, padding=(kernel - 1) // 2 if padding is None else padding),
                choices.norm(width, "images"),
                choices.activation(width, "images"),
            ]
            fan = width
        pooling = choices.pooling(size)
        size = _pooled(pooling, size)
        network.append(sequence(*layers, pooling, choices.dropout()))
    network.append(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    network.append(nn.Linear(fan, outputs))
    return network


def _pooled(pooling: nn.Module, size: int) -> int:
    with torch.random.fork_rng(devices=[]):
        return int(pooling(torch.zeros(1, 1, size, size)).shape[-1])
