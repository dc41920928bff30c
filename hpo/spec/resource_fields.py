"""The section ``resources`` of a spec: what one trial needs, and how many trials run at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hpo.core.needs import Needs, share_of

KEY = re.compile(r"([A-Za-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
"""Syntax of labels and their values in Ray, which is that of Kubernetes."""

COUNTED = ("CPU", "GPU", "memory", "object_store_memory")
"""Resources that Ray counts by itself and that are therefore not custom."""


class Resources(BaseModel):
    """Resources of one trial, and how many trials run at once."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    cpus: Annotated[float, Field(gt=0, le=10**9)] = Field(
        default=1.0, description="CPUs per trial; fractions are allowed."
    )
    gpus: float = Field(
        default=0.0, ge=0, le=1000, description="GPUs per trial: 1/k for k trials on a GPU, or whole ones."
    )
    processes: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Processes that train a trial together; by default one for each whole GPU.",
    )
    labels: dict[str, str | list[str]] = Field(
        default={},
        max_length=20,
        description="Labels of the node, such as {accelerator: H100}; a list names several legal values.",
    )
    custom: dict[str, Annotated[float, Field(gt=0, le=10**9)]] = Field(
        default={}, max_length=20, description="Custom resources of the node, such as {licence: 1}."
    )
    trials_at_once: int | None = Field(
        default=None, ge=1, le=10_000, description="Trials at once; by default as many as fit."
    )
    threads: int = Field(
        default=1, ge=1, le=1024, description="Threads per process; results depend on this number."
    )

    @property
    def needs(self) -> Needs:
        """What one training needs of a node."""
        labels = {
            name: (value,) if isinstance(value, str) else tuple(value) for name, value in self.labels.items()
        }
        return Needs(self.cpus, self.gpus, labels, self.custom)

    @property
    def several_processes(self) -> dict[str, int]:
        """The number of processes as a provenance has it: left out if there is one."""
        count = self.processes or 1
        return {"processes": count} if count > 1 else {}

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield the path and the fault of each value that Ray could not serve on any node."""
        if self.cpus > 1 and self.cpus != int(self.cpus):
            yield (
                ("cpus",),
                f"{self.cpus:g}: only less than one CPU can be fractional; legal: below 1, or whole",
            )
        yield from self._gpu_faults()
        yield from self._process_faults()
        for name, values in self.labels.items():
            if not KEY.fullmatch(name):
                yield ("labels", name), "is not the name of a label; legal: letters, digits and . _ - /"
            if not values:
                yield ("labels", name), "names no value; legal: a value or a list of values"
            for value in [values] if isinstance(values, str) else values:
                if not VALUE.fullmatch(value):
                    yield (
                        ("labels", name),
                        f"{value!r} is not a label's value; legal: letters, digits and . _ -",
                    )
        for name, amount in self.custom.items():
            if name in COUNTED:
                yield ("custom", name), f"is not a custom resource; legal: any name but {', '.join(COUNTED)}"
            if amount > 1 and amount != int(amount):
                yield ("custom", name), f"{amount:g}: amounts above 1 must be whole"

    def _process_faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        processes = self.processes or 1
        if processes == 1 or not self.gpus:
            return
        if self.gpus < 1:
            yield ("processes",), f"{processes} processes cannot share {self.gpus:g} of a GPU; legal: 1"
        elif processes != self.gpus and self.gpus == int(self.gpus):
            legal = "1" if self.gpus == 1 else f"1 with all GPUs, or {self.gpus:g} with one each"
            yield ("processes",), f"{processes} processes do not match {self.gpus:g} GPUs; legal: {legal}"

    def _gpu_faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        if self.gpus > 1 and self.gpus != int(self.gpus):
            yield (
                ("gpus",),
                f"{self.gpus:g}: only a share of one GPU can be fractional; legal: 1/k, or whole",
            )
        if 0 < self.gpus < 1 and share_of(self.gpus) is None:
            parts = int(1 / self.gpus)
            near = [f"1/{k} ({1 / k:.4g})" if k > 1 else "1" for k in (parts, parts + 1)]
            yield (
                ("gpus",),
                f"{self.gpus:g} does not divide a GPU into equal shares; legal: 1/k; "
                f"nearest: {' and '.join(near)}",
            )
