"""The section ``on_end`` of a spec: whom a search tells that it has ended."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hpo.core.addresses import webhook_fault


class OnEnd(BaseModel):
    """Whom to tell that the search has ended, by its own end, by a fault, or because it was stopped."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    webhook: str | None = Field(
        default=None,
        max_length=2000,
        description="Address that gets the outcome as JSON; $NAME stands for an environment variable.",
    )
    command: list[str] | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Program and arguments, without a shell; the outcome is its input, as JSON.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.webhook is None) == (self.command is None):
            raise ValueError("write either webhook: URL or command: [program, argument, ...]")
        if self.webhook is not None and (fault := webhook_fault(self.webhook)):
            raise ValueError(fault)
        return self
