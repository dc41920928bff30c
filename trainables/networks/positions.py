"""Positions of a vision transformer, for images of another size than it was trained on.

Touvron et al., "Training data-efficient image transformers", ICML 2021, which fine-tunes at 384 what was
trained at 224, and Dosovitskiy et al., "An image is worth 16x16 words", ICLR 2021, section 3.2.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

POSITIONS = ("position", "pos_embed", "pos_embedding")
"""Last part of the name of a learned position of each token: here, in timm, and in torchvision."""


def at_size(name: str, positions: Tensor, current: Tensor) -> Tensor:
    """Return positions of a file for a network with another number of tokens.

    Those of patches are interpolated bicubically over their grid, those of class tokens stay. Other
    tensors, and positions of grids that are not square, are returned as they are.

    Args:
        name: Name of the tensor.
        positions: From the file, [1, tokens, width].
        current: The network's own, [1, other tokens, width].
    """
    if name.rpartition(".")[2] not in POSITIONS or positions.ndim != 3 or current.ndim != 3:
        return positions
    tokens, wanted = positions.shape[1], current.shape[1]
    if tokens == wanted or positions.shape[2] != current.shape[2]:
        return positions
    # A class token, and perhaps a distillation token, come before the patches of a square grid.
    for extra in (1, 0, 2):
        side, new_side = math.isqrt(max(0, tokens - extra)), math.isqrt(max(0, wanted - extra))
        if side and new_side and side**2 == tokens - extra and new_side**2 == wanted - extra:
            grid = positions[:, extra:].reshape(1, side, side, -1).permute(0, 3, 1, 2).float()
            grid = F.interpolate(grid, (new_side, new_side), mode="bicubic", align_corners=False)
            patches = grid.flatten(2).transpose(1, 2).to(positions.dtype)
            return torch.cat([positions[:, :extra], patches], 1)
    return positions
