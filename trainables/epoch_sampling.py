"""Which examples an epoch draws, and in which order: all of them, some, or equally many of each class.

Shen, Lin & Huang, "Relay backpropagation for effective learning of deep convolutional neural
networks", ECCV 2016 (class-aware sampling). Buda, Maki & Mazurowski, "A systematic study of the class
imbalance problem in convolutional neural networks", Neural Networks 2018, compares it with others.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hpo.core.errors import UserError
from hpo.core.recipe import Recipe
from hpo.core.trainable import Examples


def labels(recipe: Recipe, train: Examples) -> Tensor | None:
    """Return the labels [n] of the training part if a recipe draws classes equally often, else None.

    Raises:
        UserError: If it does and the data has no classes.
    """
    if recipe.get("sampling", "shuffled") == "shuffled":
        return None
    if train.info.task != "classification":
        raise UserError(
            f"sampling: {recipe['sampling']} needs classes, and this data is for {train.info.task}; "
            "legal: shuffled"
        )
    return torch.as_tensor(train.targets[train.rows])


def balanced_order(labels: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return the rows [count] of an epoch with equally many of each class, in random order.

    The rows of a class are repeated in random order as often as its share of the epoch requires, and a row is
    drawn again only after all others of its class. A remainder goes to classes drawn at random.

    Args:
        labels: Label of each row, [n].
        count: Rows of an epoch.
        generator: Source of the order.
    """
    classes = [torch.nonzero(labels == label)[:, 0] for label in torch.unique(labels)]
    share, left = divmod(count, len(classes))
    extra = torch.randperm(len(classes), generator=generator) < left
    drawn = [
        shuffled_order(rows, share + int(more), generator) for rows, more in zip(classes, extra, strict=True)
    ]
    order = torch.cat(drawn)
    return order[torch.randperm(len(order), generator=generator)]


def shuffled_order(rows: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return ``count`` of the rows [n]: of one shuffle, or of as many as it takes."""
    rounds = max(1, -(-count // len(rows)))
    shuffles = [rows[torch.randperm(len(rows), generator=generator)] for _ in range(rounds)]
    return torch.cat(shuffles)[:count]
