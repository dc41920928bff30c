"""The section ``data`` of a spec: the source of the examples and how they are split."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from hpo.core.trainable import AS_FLOATS
from hpo.spec.field_types import Record, Share

READING: Literal[2] = 2
"""Edition in which a user's arrays are read; those of a recorded spec without it become float32."""


class SplitShares(Record):
    """Separate validation parts for the search and for its finalists."""

    search: Share = Field(description="Share that picks the epoch and drives early stopping.")
    final: Share = Field(description="Share that ranks the finalists and is used for nothing else.")

    @model_validator(mode="after")
    def _something_is_left(self) -> SplitShares:
        if self.search + self.final >= 1:
            raise ValueError(
                f"search and final take {self.search + self.final:g} of the data, leaving nothing to train on"
            )
        return self


BRANCHES = ("one share", "two shares")
"""Names of the two forms of ``validation`` in the locations of pydantic's errors."""


def _branch(value: Any) -> str:
    return BRANCHES[1] if isinstance(value, dict | SplitShares) else BRANCHES[0]


class Data(Record):
    """Source of the examples and how they are split."""

    source: str = Field(min_length=1, description="A shipped source by name, or module:function.")
    arguments: dict[str, Any] = Field(
        default={}, description="Arguments of the source: root, path, target, ..."
    )
    validation: Annotated[
        Annotated[Share, Tag(BRANCHES[0])] | Annotated[SplitShares, Tag(BRANCHES[1])], Discriminator(_branch)
    ] = Field(default=0.2, description="Share of the development data, or {search, final}.")
    split_seed: int = Field(
        default=0, ge=0, lt=2**53, description="Seed of the split, independent of the search's seed."
    )
    stratified: bool = Field(default=True, description="Keep the classes' shares in every part.")
    practice: bool | None = Field(
        default=None,
        description="Whether the score is practice rather than a claim; null: as the source says.",
    )
    accept_overlap: bool = Field(
        default=False,
        description="Search even if the test part contains training rows; the report says so.",
    )
    card: str | None = Field(
        default=None,
        min_length=1,
        max_length=20_000,
        description="Data card: a file beside the spec, or a text; the account shows it.",
    )
    reading: Literal[2] | None = Field(
        default=None, description="Edition of how a user's arrays are read; in stored specs only."
    )

    @property
    def source_arguments(self) -> dict[str, Any]:
        """Arguments with which the source is opened; a record of an earlier edition asks for its types."""
        earlier = ":" in self.source and self.reading is None
        return {**self.arguments, AS_FLOATS: True} if earlier else self.arguments

    @property
    def search_share(self) -> float:
        """Share of the development data that the search validates on."""
        return self.validation if isinstance(self.validation, float) else self.validation.search

    @property
    def final_share(self) -> float | None:
        """Share that ranks the finalists; None if they use the search's."""
        return None if isinstance(self.validation, float) else self.validation.final
