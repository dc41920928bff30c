"""Networks for tables: numbers as they are, categories as learned embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainables.networks.layer_choices import LayerChoices
from trainables.networks.mlp import mlp as perceptron


@dataclass(frozen=True)
class TableShape:
    """What a row of a prepared table consists of: first numbers, then categories' codes.

    Attributes:
        numbers: How many numbers.
        categories: For each categorical column, how many codes there are.
    """

    numbers: int
    categories: tuple[int, ...]


class TableNetwork(nn.Module):
    """Embeds the categories of a row and hands it to a network on numbers.

    Args:
        shape: Of a row.
        widths: Numbers that each categorical column becomes.
        body: Takes [n, numbers and embeddings].
    """

    def __init__(self, shape: TableShape, widths: Sequence[int], body: nn.Module):
        super().__init__()
        self.numbers = shape.numbers
        self.embeddings = nn.ModuleList(
            nn.Embedding(count, width) for count, width in zip(shape.categories, widths, strict=True)
        )
        self.body = body

    def forward(self, rows: Tensor) -> Tensor:
        """Outputs [n, outputs] of rows [n, numbers + categories], with whole numbers as codes."""
        codes = rows[:, self.numbers :].long()
        embedded = [embed(code) for embed, code in zip(self.embeddings, codes.T, strict=True)]
        outputs: Tensor = self.body(torch.cat([rows[:, : self.numbers], *embedded], 1))
        return outputs


def mlp(
    shape: TableShape,
    outputs: int,
    ingredients: LayerChoices,
    depth: int,
    width: int,
    embedding: int | None,
) -> TableNetwork:
    """A multilayer perceptron on numbers and embeddings.

    Args:
        shape: Of a row.
        outputs: Numbers given back per row.
        ingredients: Makes norms, activations and dropout.
        depth: Hidden layers.
        width: Units of a hidden layer.
        embedding: Numbers per category; None for half the categories, at most 50.
    """
    widths = [embedding or min(50, (count + 1) // 2) for count in shape.categories]
    body = perceptron((shape.numbers + sum(widths),), outputs, ingredients, depth, width)
    return TableNetwork(shape, widths, body)
