"""Residual networks, for small images and large.

Layers have torchvision's names, so that weights can be exchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from trainables.networks.layer_choices import LayerChoices
from trainables.networks.memory_format import by_pixel, takes_pixels


def resnet(
    shape: tuple[int, ...],
    outputs: int,
    choices: LayerChoices,
    block: str,
    stages: int,
    blocks: int,
    width: int,
    layers: Sequence[int] | None,
    stem: str,
) -> nn.Module:
    """Build a residual network.

    Args:
        shape: (channels, height, width) of an image.
        outputs: Outputs per image.
        choices: Builds norms, activations, dropout and stochastic depth.
        block: ``basic`` or ``bottleneck``.
        stages: Number of stages; each but the first halves the image.
        blocks: Blocks of a stage.
        width: Channels of the first stage's 3 x 3 convolutions; each further stage has twice as many.
        layers: Blocks of each stage, instead of ``stages`` and ``blocks``.
        stem: ``small`` (3 x 3) or ``large`` (7 x 7 with stride 2, then pooling with stride 2).
    """
    counts = [int(count) for count in layers] if layers else [blocks] * stages
    return ResNet(shape[0], outputs, choices, block == "bottleneck", counts, width, stem == "large")


class ResNet(nn.Module):
    """See `resnet`."""

    def __init__(
        self,
        channels: int,
        outputs: int,
        choices: LayerChoices,
        bottleneck: bool,
        counts: Sequence[int],
        width: int,
        large_stem: bool,
    ):
        super().__init__()
        kernel, stride = (7, 2) if large_stem else (3, 1)
        self.conv1 = nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False)
        self.bn1 = choices.norm(width, "images")
        self.relu = choices.activation(width, "images")
        self.maxpool = nn.MaxPool2d(3, 2, 1) if large_stem else nn.Identity()
        self.stages = [f"layer{number}" for number in range(1, len(counts) + 1)]
        kind = Bottleneck if bottleneck else BasicBlock
        fan, built = width, 0
        for number, (name, count) in enumerate(zip(self.stages, counts, strict=True)):
            stage = nn.Sequential()
            for index in range(count):
                depth = built / max(1, sum(counts) - 1)
                stride = 2 if number and not index else 1
                stage.append(kind(fan, width * 2**number, stride, choices, depth))
                fan, built = width * 2**number * kind.expansion, built + 1
            self.add_module(name, stage)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = choices.dropout()
        self.fc = nn.Linear(fan, outputs)
        self.pixels = takes_pixels(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs [n, outputs] of images [n, channels, height, width]."""
        x = by_pixel(x) if self.pixels else x
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for name in self.stages:
            x = self.get_submodule(name)(x)
        outputs: Tensor = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        return outputs


class Block(nn.Module):
    """A branch with a skip around it.

    Args:
        fan: Channels of the input.
        width: Channels of the branch.
        stride: Of the branch's 3 x 3 convolution, and of the skip.
        choices: Builds norms, activations and stochastic depth.
        depth: Position in the network, from 0 (first block) to 1 (last).
    """

    expansion = 1
    downsample: nn.Module

    def __init__(self, fan: int, width: int, stride: int, choices: LayerChoices, depth: float):
        super().__init__()
        out = width * self.expansion
        self.relu = choices.activation(out, "images")
        self.drop = choices.residual_drop(depth)
        self.downsample = nn.Identity()
        if stride != 1 or fan != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(fan, out, 1, stride, bias=False), choices.norm(out, "images")
            )

    def branch(self, x: Tensor) -> Tensor:
        """Return what is added to the skip."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """[n, fan, height, width] to [n, width * expansion, height / stride, width / stride]."""
        outputs: Tensor = self.relu(self.downsample(x) + self.drop(self.branch(x)))
        return outputs


class BasicBlock(Block):
    """Two 3 x 3 convolutions."""

    def __init__(self, fan: int, width: int, stride: int, choices: LayerChoices, depth: float):
        super().__init__(fan, width, stride, choices, depth)
        self.conv1 = nn.Conv2d(fan, width, 3, stride, 1, bias=False)
        self.bn1 = choices.norm(width, "images")
        self.inner = choices.activation(width, "images")
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = choices.norm(width, "images")

    def branch(self, x: Tensor) -> Tensor:
        """Return what is added to the skip."""
        outputs: Tensor = self.bn2(self.conv2(self.inner(self.bn1(self.conv1(x)))))
        return outputs

    def branch_ends(self) -> Iterable[nn.Module]:
        """Return the last norm's scale, or the last convolution."""
        return [_last_with_weight(self.conv2, self.bn2)]


class Bottleneck(Block):
    """1 x 1, 3 x 3 and 1 x 1 convolutions, the last to four times the channels."""

    expansion = 4

    def __init__(self, fan: int, width: int, stride: int, choices: LayerChoices, depth: float):
        super().__init__(fan, width, stride, choices, depth)
        self.conv1 = nn.Conv2d(fan, width, 1, bias=False)
        self.bn1 = choices.norm(width, "images")
        self.inner = choices.activation(width, "images")
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = choices.norm(width, "images")
        self.second = choices.activation(width, "images")
        self.conv3 = nn.Conv2d(width, width * self.expansion, 1, bias=False)
        self.bn3 = choices.norm(width * self.expansion, "images")

    def branch(self, x: Tensor) -> Tensor:
        """Return what is added to the skip."""
        x = self.inner(self.bn1(self.conv1(x)))
        outputs: Tensor = self.bn3(self.conv3(self.second(self.bn2(self.conv2(x)))))
        return outputs

    def branch_ends(self) -> Iterable[nn.Module]:
        """Return the last norm's scale, or the last convolution."""
        return [_last_with_weight(self.conv3, self.bn3)]


def _last_with_weight(convolution: nn.Module, norm: nn.Module) -> nn.Module:
    return norm if isinstance(getattr(norm, "weight", None), Tensor) else convolution
