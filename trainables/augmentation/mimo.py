"""Several images in, several predictions out of one network (Havasi et al. 2021).

In training, a network sees each image together with random others of its batch, and each of its
heads learns one of them. At test time it sees one image several times, and its heads are an ensemble
at the cost of one network. A wrapper does all of this, so any network that can be built for more
channels and outputs can be trained this way.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainables.augmentation.geometry import Shape
from trainables.networks.no_decay import no_decay_names

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Mimo:
    """Several images in, several heads out; changes the network instead of the images."""

    shape: Shape
    strength: float
    heads: int


class ManyHeads(nn.Module):
    """A network that takes several images at once and predicts each of them.

    Args:
        body: From [b, heads * channels, height, width] to [b, heads * classes].
        heads: Images in, predictions out.
    """

    def __init__(self, body: nn.Module, heads: int):
        super().__init__()
        self.body, self.heads = body, heads

    def no_weight_decay(self) -> set[str]:
        """Return the parameters that the wrapped network exempts; see `no_decay_names`."""
        return no_decay_names(self.body, "body.")

    def forward(self, images: Tensor) -> Tensor:
        """Predict images [b, channels, height, width].

        Returns:
            In training logits [b, heads, classes], each head's for each image; otherwise [b, classes],
            the log of the heads' mean probabilities.
        """
        count = len(images)
        if not self.training:
            logits = self.body(images.repeat(1, self.heads, 1, 1)).view(count, self.heads, -1)
            ensemble: Tensor = logits.log_softmax(2).logsumexp(1) - math.log(self.heads)
            return ensemble
        # The first head gets the images in order, each other head in its own order.
        orders = [torch.arange(count, device=images.device)]
        orders += [torch.randperm(count).to(images.device) for _ in range(self.heads - 1)]
        beside = torch.cat([images.index_select(0, order) for order in orders], 1)
        logits = self.body(beside).view(count, self.heads, -1)
        back = [logits[:, head].index_select(0, order.argsort()) for head, order in enumerate(orders)]
        return torch.stack(back, 1)


def over_heads(loss: Loss) -> Loss:
    """Return the loss averaged over heads if outputs are [b, heads, classes]."""

    def averaged(outputs: Tensor, targets: Tensor) -> Tensor:
        if outputs.ndim == 2:
            return loss(outputs, targets)
        return loss(outputs.flatten(0, 1), targets.repeat_interleave(outputs.shape[1], 0))

    return averaged
