"""Vision transformer."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainables.networks.layer_choices import LayerChoices, sequence
from trainables.networks.normalizations import divisor


def vit(
    shape: tuple[int, ...],
    outputs: int,
    choices: LayerChoices,
    patch: int,
    width: int,
    depth: int,
    heads: int,
    mlp_ratio: float,
    norm_position: str,
) -> nn.Module:
    """Build a vision transformer.

    Args:
        shape: (channels, height, width) of an image; if patches do not tile it, it is extended by
            zeros at the right and the bottom.
        outputs: Outputs per image.
        choices: Builds norms, activations, dropout and stochastic depth.
        patch: Height and width of a patch in pixels.
        width: Channels of a token.
        depth: Encoder blocks.
        heads: Of attention; the largest divisor of ``width`` up to this.
        mlp_ratio: Hidden width of a block's MLP, as a multiple of ``width``.
        norm_position: ``before`` a branch (and once at the end), or ``after`` its skip.
    """
    hidden, first = max(1, round(width * mlp_ratio)), norm_position == "before"
    depths = [share / max(1, depth - 1) for share in range(depth)]
    blocks = [EncoderBlock(width, divisor(width, heads), hidden, first, choices, share) for share in depths]
    last = choices.norm(width, "tokens") if first else nn.Identity()
    return VisionTransformer(shape, outputs, choices, patch, width, blocks, last)


class VisionTransformer(nn.Module):
    """Patches and a class token through encoder blocks; a linear head on the class token."""

    def __init__(
        self,
        shape: tuple[int, ...],
        outputs: int,
        choices: LayerChoices,
        patch: int,
        width: int,
        blocks: list[EncoderBlock],
        last: nn.Module,
    ):
        super().__init__()
        channels, height, breadth = shape
        self.patch = patch
        tokens = 1 + -(-height // patch) * -(-breadth // patch)
        self.embed = nn.Conv2d(channels, width, patch, patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, tokens, width), std=0.02))
        self.dropout = choices.dropout()
        self.blocks = nn.Sequential(*blocks)
        self.norm = last
        self.head = nn.Linear(width, outputs)

    def no_weight_decay(self) -> set[str]:
        """Return parameters that are not decayed although they are neither biases nor norms."""
        return {"class_token", "position"}

    def forward(self, images: Tensor) -> Tensor:
        """Return outputs [n, outputs] of images [n, channels, height, width]."""
        lacking = [-size % self.patch for size in images.shape[2:]]
        patches = self.embed(F.pad(images, (0, lacking[1], 0, lacking[0]))).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(images), -1, -1), patches], 1) + self.position
        outputs: Tensor = self.head(self.norm(self.blocks(self.dropout(tokens)))[:, 0])
        return outputs


class EncoderBlock(nn.Module):
    """Attention and a two-layer MLP, each with a skip.

    Args:
        width: Channels of a token.
        heads: Of attention.
        hidden: Hidden width of the MLP.
        norm_first: Whether norms come before the branches rather than after the skips.
        choices: Builds norms, activations, dropout and stochastic depth.
        depth: Position in the network, from 0 (first block) to 1 (last).
    """

    def __init__(
        self, width: int, heads: int, hidden: int, norm_first: bool, choices: LayerChoices, depth: float
    ):
        super().__init__()
        self.norm_first = norm_first
        self.norm1, self.norm2 = choices.norm(width, "tokens"), choices.norm(width, "tokens")
        self.attention = Attention(width, heads)
        self.mlp = sequence(
            nn.Linear(width, hidden),
            choices.activation(hidden, "tokens"),
            choices.dropout(),
            nn.Linear(hidden, width),
        )
        self.dropout, self.drop = choices.dropout(), choices.residual_drop(depth)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens [n, tokens, width], unchanged in shape."""
        if self.norm_first:
            x = x + self.drop(self.dropout(self.attention(self.norm1(x))))
            outputs: Tensor = x + self.drop(self.dropout(self.mlp(self.norm2(x))))
            return outputs
        x = self.norm1(x + self.drop(self.dropout(self.attention(x))))
        outputs = self.norm2(x + self.drop(self.dropout(self.mlp(x))))
        return outputs

    def branch_ends(self) -> Iterable[nn.Module]:
        """Return the last linear map of both branches."""
        return [self.attention.out, self.mlp[-1]]


class Attention(nn.Module):
    """Multi-head self-attention: softmax(Q K^T / sqrt(d)) V in each head.

    Args:
        width: Channels of a token.
        heads: A divisor of ``width``.
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens [n, tokens, width], unchanged in shape."""
        n, tokens, width = x.shape
        parts = self.qkv(x).view(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(*parts.unbind(0))
        outputs: Tensor = self.out(mixed.transpose(1, 2).reshape(n, tokens, width))
        return outputs
