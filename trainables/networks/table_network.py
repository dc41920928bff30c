"""Networks for tables: numbers enter as they are, categories as learned embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainables.networks.layer_choices import LayerChoices
from trainables.networks.mlp import mlp as perceptron


@dataclass(frozen=True)
class TableShape:
    """The content of an encoded row: first numbers, then the codes of categories.

    Attributes:
        numbers: Count of numbers.
        categories: Count of codes of each categorical column.
    """

    numbers: int
    categories: tuple[int, ...]


class TableNetwork(nn.Module):
    """Embeds the categories of a row and passes it to a network on numbers.

    Args:
        shape: Of a row.
        widths: Width of each categorical column's embedding.
        body: Takes [n, numbers and embeddings].
    """

    def __init__(self, shape: TableShape, widths: Sequence[int], body: nn.Module):
        super().__init__()
        self.numbers = shape.numbers
        self.embeddings = nn.ModuleList(
            nn.Embedding(count, width) for count, width in zip(shape.categories, widths, strict=True)
        )
        self.body = body

    @torch.no_grad()
    def zero_unseen(self, rows: Tensor) -> None:
        """Set the embeddings of codes to zero that no row [n, numbers + categories] has.

        They get no gradient, so that a code that is first met later has no effect.
        """
        for embed, codes in zip(self.embeddings, rows[:, self.numbers :].long().T, strict=True):
            assert isinstance(embed, nn.Embedding)
            counts = torch.bincount(codes, minlength=embed.num_embeddings)
            embed.weight[counts == 0] = 0.0

    def forward(self, rows: Tensor) -> Tensor:
        """Return outputs [n, outputs] of rows [n, numbers + categories], with whole numbers as codes."""
        codes = rows[:, self.numbers :].long()
        embedded = [embed(code) for embed, code in zip(self.embeddings, codes.T, strict=True)]
        outputs: Tensor = self.body(torch.cat([rows[:, : self.numbers], *embedded], 1))
        return outputs


def mlp(
    shape: TableShape,
    outputs: int,
    choices: LayerChoices,
    depth: int,
    width: int,
    embedding: int | None,
    embedding_std: float | None = None,
) -> TableNetwork:
    """Build a multilayer perceptron on numbers and embeddings.

    Args:
        shape: Of a row.
        outputs: Outputs per row.
        choices: Builds norms, activations and dropout.
        depth: Hidden layers.
        width: Units of a hidden layer.
        embedding: Width of an embedding; None for half the categories, at most 50.
        embedding_std: Standard deviation of the initial embeddings; None, as in recipes on record, for 1.
    """
    widths = [embedding or min(50, (count + 1) // 2) for count in shape.categories]
    body = perceptron((shape.numbers + sum(widths),), outputs, choices, depth, width)
    network = TableNetwork(shape, widths, body)
    if embedding_std is not None:
        for embed in network.embeddings:
            nn.init.normal_(embed.weight, std=embedding_std)  # type: ignore[arg-type]
    return network
