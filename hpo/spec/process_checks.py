"""How many processes train a trial, and whether its recipes can be shared among them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hpo.core.command import ScriptCommand
from hpo.core.grammar import Grammar
from hpo.core.json_values import RecipeFields
from hpo.core.space import Space
from hpo.spec.conflicts import drawn_recipes, field_path
from hpo.spec.faults import Faults
from hpo.spec.fields import Document
from hpo.spec.interface import Interface, shipped
from hpo.spec.search_spec import SearchSpec

MOST_SIZES = 100_000
"""Batch sizes of a range up to which each is looked at."""

SHARING = re.compile(r"distributed|ddp|fsdp|accelerat|lightning", re.IGNORECASE)
"""What code that shares its work among processes mentions."""

BATCH_NORMS = ("batch_norm", "decorrelated_batch_norm")


def with_processes(document: Document) -> Document:
    """Return a document that says how many processes train a trial.

    By default there is one for each whole GPU; a script starts its own. A stored document without the
    field is from a search whose trials have one process.
    """
    resources = document.resources
    if resources.processes is not None:
        return document
    alone = document.base is not None or ScriptCommand.of(document.trainable) is not None
    count = 1 if alone else max(1, int(resources.gpus))
    return document.model_copy(update={"resources": resources.model_copy(update={"processes": count})})


def check_processes(
    document: Document, interface: Interface, space: Space, horizon: int, faults: Faults
) -> None:
    """Check that the recipes of a spec can be trained by the processes of a trial.

    Args:
        document: The spec; one that is on record is not checked again.
        interface: Its trainable.
        space: Its space.
        horizon: Epochs of a full training.
        faults: Collects the faults.
    """
    processes = document.resources.processes or 1
    if processes == 1 or document.base is not None:
        return
    if ScriptCommand.of(document.trainable) is not None:
        faults.add(
            ("resources", "processes"),
            f"{processes}: a script is one process and starts others by itself; legal: 1, the default",
        )
    elif document.trainable not in shipped():
        _check_user_code(interface.file, processes, faults)
    else:
        sizes = _batch_sizes(document.recipe, space, interface.grammar, horizon)
        unequal = next((size for size in sizes if size % processes), None)
        if unequal is not None:
            path = field_path(("batch_size",), document.recipe, space)
            name = "" if path[-1] == "batch_size" else "batch_size: "
            faults.add(
                path,
                f"{name}{unequal} rows cannot be shared equally by {processes} processes; "
                f"legal here: multiples of {processes}",
            )


def processes_text(spec: SearchSpec) -> str:
    """Return how a trial's processes share its training; empty if there is one process."""
    processes = spec.resources.processes or 1
    if processes == 1:
        return ""
    where = "one on each of its GPUs" if spec.resources.gpus else "on CPUs"
    start = f"{processes} per trial, {where}"
    if spec.trainable not in shipped():
        return f"{start}; the training code shares the work by run.distributed"
    sizes = sorted(set(_batch_sizes(spec.recipe, spec.space, spec.grammar, spec.horizon)))
    sizes = sizes if len(sizes) == 1 else [sizes[0], sizes[-1]]
    parts = " to ".join(f"{size // processes:,}" for size in sizes)
    start += f"; of a batch of {' to '.join(f'{size:,}' for size in sizes)} rows each trains on {parts}"
    if any(map(_may_have_batch_norm, drawn_recipes(spec.space, spec.recipe, spec.grammar, spec.horizon))):
        start += (
            f"; batch norm takes its mean and variance over these {parts} rows, not over the batch, and the "
            "first process's running statistics are kept"
        )
    return start


def _check_user_code(file: Path | None, processes: int, faults: Faults) -> None:
    if (
        file is None
        or not file.is_file()
        or SHARING.search(file.read_text(encoding="utf-8", errors="replace"))
    ):
        return
    faults.warn(
        f"resources.processes: {processes} processes train each trial, and {file.name} does not mention "
        "`run.distributed`, so each would do the whole work; processes: 1 gives all GPUs to one process"
    )


def _batch_sizes(fixed: RecipeFields, space: Space, grammar: Grammar, horizon: int) -> Iterator[int]:
    """Yield the batch sizes of a space: all of a parameter's values if there are few, else drawn ones."""
    parameter = space.by_name.get("batch_size")
    if parameter is not None and parameter.domain.count() <= MOST_SIZES:
        yield from (int(size) for size in parameter.domain.grid())
        return
    for values in drawn_recipes(space, fixed, grammar, horizon):
        yield int(values["batch_size"])


def _may_have_batch_norm(values: RecipeFields) -> bool:
    """Return whether a recipe's network has batch norm, or is a library's, which can have it."""
    norm, model = values["normalization"], values["model"]
    return (
        model in ("torchvision", "timm")
        or norm in BATCH_NORMS
        or (norm == "auto" and model in ("cnn", "resnet"))
    )
