"""A spec composed of Python objects, for `hpo.submit(fit, data=data, space={...}, budget=20)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict

from hpo.core.errors import UserError
from hpo.core.import_folders import import_folders
from hpo.core.json_values import RecipeFields, SpecFields
from hpo.spec.named_objects import name_of

DataSource = str | SpecFields | Callable[..., Any]
"""A shipped source by name, the ``data`` section of a spec, or a function of yours."""


class Sections(TypedDict, total=False):
    """Sections of a spec, as in a file."""

    recipe: RecipeFields
    objective: SpecFields
    constraints: Sequence[SpecFields]
    prior: SpecFields | Literal["off"]
    sampler: str | SpecFields
    scheduler: str | SpecFields
    resources: SpecFields
    finalists: SpecFields
    ship: str | SpecFields
    limits: SpecFields
    patience: int | SpecFields
    forbid: Sequence[SpecFields]
    start_from: Sequence[str | RecipeFields]
    warm_start: Sequence[str]
    test: Literal["at_end", "on_request"]
    seed: int
    experiment: str
    description: str


def composed(
    trainable: Any,
    data: DataSource | None,
    space: SpecFields,
    budget: int | SpecFields,
    max_epochs: int | None,
    sections: Sections,
) -> tuple[SpecFields, Path]:
    """Return a spec as a document, and the folder of its code.

    Args:
        trainable: A shipped name, a function decorated with `hpo.trainable`, a class, or a mapping with
            ``command``.
        data: The data; None where a command reads its own.
        space: Ranges by name.
        budget: Number of trials, or the ``budget`` section.
        max_epochs: Epochs of a full training; None if ``scheduler`` or ``recipe`` has them.
        sections: Further sections.

    Raises:
        UserError: If other processes could not import an object, or objects lie in different folders.
    """
    folders: list[Path] = []

    def named(value: Any, what: str) -> str:
        if isinstance(value, str):
            return value
        name, folder = name_of(value, what)
        folders.append(folder)
        return name

    scheduler = sections.get("scheduler", {})
    fields: dict[str, Any] = dict(scheduler) if isinstance(scheduler, Mapping) else {"name": scheduler}
    if max_epochs is not None:
        fields["max_epochs"] = max_epochs
    document: dict[str, Any] = {
        "version": 1,
        **sections,
        **({} if data is None else {"data": _data(data, named)}),
        "trainable": dict(trainable) if isinstance(trainable, Mapping) else named(trainable, "trainable"),
        "space": dict(space),
        "budget": {"trials": budget} if isinstance(budget, int) else dict(budget),
        **({"scheduler": fields} if fields else {}),
    }
    if len(set(folders)) > 1:
        listed = " and ".join(dict.fromkeys(map(str, folders)))
        raise UserError(
            f"trainable and data are imported from different folders, {listed}; keep them together"
        )
    return document, _project(folders[0]) if folders else Path.cwd()


def _project(folder: Path) -> Path:
    """Return the folder that a spec would be in: that of the code, or the one around its ``src``."""
    return folder.parent if folder in import_folders(folder.parent) else folder


def _data(data: DataSource, named: Callable[[Any, str], str]) -> dict[str, Any]:
    section = dict(data) if isinstance(data, Mapping) else {"source": data}
    return {**section, "source": named(section.get("source"), "data")}
