"""Whether a network can be trained on single examples: norms over a batch need company."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hpo.core.errors import UserError
from trainables import isolation
from trainables.networks.normalizations import ALONE
from trainables.trainer import Trainer


def check(recipe: Mapping[str, Any], descent: Trainer, example: Tensor) -> None:
    """Try a batch of one on a copy of the network, where batches are of one.

    Args:
        recipe: In normal form.
        descent: With the network that is to be trained; it is put into training mode.
        example: A batch of one as the network takes it; its values do not matter.

    Raises:
        UserError: If a norm has a single value per channel then.
    """
    if recipe["batch_size"] > 1:
        return
    descent.begin()
    network = copy.deepcopy(descent.network)
    with isolation.seeded(0, "company", device=example.device), torch.no_grad():
        try:
            network(example)
        except ValueError as error:
            if ALONE not in str(error):
                raise
            raise UserError(
                f"batch_size: 1 leaves normalization {recipe['normalization']['name']} of the "
                f"{recipe['model']['name']} one value per channel, which has no variance; legal here: "
                "a batch_size of at least 2, or a normalization that takes none over batches"
            ) from error
