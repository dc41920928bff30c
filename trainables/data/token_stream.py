"""A sequence of tokens as rows: consecutive blocks of a stated length, each with the tokens that follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError

KIND = "stream"
"""Kind of such data, as in `hpo.core.trainable.DataInfo`."""


@dataclass(frozen=True)
class Stream:
    """Tokens in their order, which a data function returns instead of rows.

    A row is a block of consecutive tokens; its target is the same block one token later. Blocks keep their
    order in every part: validation is the end of the development part, so that no text is on both sides of
    a cut except at one border. Equal text is looked for in windows of tokens, wherever a block begins.

    Attributes:
        tokens: Whole numbers, [length]; a memory map stays in its file.
        block: Tokens of a block, the unit by which the stream is cut, scored and compared.

    Raises:
        UserError: If the tokens are not whole numbers in one dimension, or are fewer than two blocks.
    """

    tokens: NDArray[Any]
    block: int

    def __post_init__(self) -> None:
        if not isinstance(self.block, int) or self.block < 2:
            raise UserError(f"hpo.Stream: block {self.block!r} is not a whole number of at least 2 tokens")
        if self.tokens.ndim != 1 or self.tokens.dtype.kind not in "iu":
            raise UserError(
                f"hpo.Stream: tokens are {self.tokens.dtype} of shape {self.tokens.shape}; legal: whole "
                "numbers in one dimension"
            )
        if len(self) < 2:
            raise UserError(
                f"hpo.Stream: {len(self.tokens):,} tokens are fewer than two blocks of {self.block:,}"
            )

    def __len__(self) -> int:
        return max(0, len(self.tokens) - 1) // self.block

    def part(self, name: str, test: float = 0.1) -> Stream:
        """Return one part of a stream that is cut once, its end being the test part.

        Args:
            name: ``development`` or ``test``, as the data function receives it.
            test: Share of the blocks in the test part.
        """
        kept = len(self) - max(1, round(test * len(self)))
        cut = kept * self.block
        return Stream(self.tokens[: cut + 1] if name == "development" else self.tokens[cut:], self.block)

    def arrays(self) -> dict[str, Any]:
        """Return the blocks as a data function returns arrays: views of the tokens, not copies."""
        n, block = len(self), self.block
        return {
            "inputs": self.tokens[: n * block].reshape(n, block),
            "targets": self.tokens[1 : n * block + 1].reshape(n, block),
            "times": np.arange(n, dtype=np.float64),
            "task": "other",
            "kind": KIND,
        }
