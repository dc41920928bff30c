"""Check that a network can be trained on single examples: norms over a batch need more than one value."""

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


def check(recipe: Mapping[str, Any], trainer: Trainer, example: Tensor) -> None:
    """Try a batch of one on a copy of the network if batches have one example.

    Args:
        recipe: In normal form.
        trainer: Its network is put into training mode.
        example: A batch of one as the network takes it; its values do not matter.

    Raises:
        UserError: If a norm is left with a single value per channel.
    """
    if recipe["batch_size"] > 1:
        return
    trainer.begin()
    network = copy.deepcopy(trainer.network)
    with isolation.seeded(0, "batch of one", device=example.device), torch.no_grad():
        try:
            network(example)
        except ValueError as error:
            if ALONE not in str(error):
                raise
            raise UserError(
                f"batch_size: 1 leaves normalization {recipe['normalization']['name']} of the "
                f"{recipe['model']['name']} one value per channel, which has no variance; legal here: "
                "a batch_size of at least 2, or a normalization that does not work over batches"
            ) from error
