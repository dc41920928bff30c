"""Implement ``hpo parts``: list everything a recipe can contain, without importing torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.session import Session, emit, say
from hpo.core.errors import UserError
from hpo.core.formatting import plain
from hpo.core.json_values import JsonFields, JsonObject

if TYPE_CHECKING:
    from hpo.core.grammar import Grammar, Group, Hyperparameter, Part

EVERYTHING = "all"
"""In place of a group: all of them in full."""

UNGROUPED = "recipe"
"""Entry of the choices that do not belong to a group."""


def parts(
    context: typer.Context,
    group: Annotated[
        str | None, typer.Argument(metavar="[GROUP]", help="One group, such as optimizer; or all.")
    ] = None,
) -> None:
    """List what recipes and data sources can contain, with hyperparameters and references."""
    from hpo.cli.tables import grid
    from hpo.core.grammar import Grammar
    from trainables.parts.data_sources import SOURCE
    from trainables.registry import SHIPPED

    data = {"data": Grammar((), (SOURCE,))}
    groups = gathered({**{name: trainable.grammar for name, trainable in SHIPPED.items()}, **data})
    if group not in (None, EVERYTHING):
        chosen = {name: entry for name, entry in groups.items() if group in (name, name.rpartition(".")[2])}
        if not chosen:
            raise UserError(f"unknown group {group!r}; legal: {', '.join(groups)}")
        groups = chosen
    if Session.of(context).as_json:
        emit(groups)
        return
    if group is None:
        say(grid(("group", "default", "parts"), overview_rows(groups)))
        say("\n`hpo parts GROUP` shows one group with its hyperparameters, `hpo parts all` all of them")
        return
    for name, entry in groups.items():
        say(f"{name}: {entry['about']}")
        say(grid(("part", "hyperparameter", "legal", "default", "about"), table_rows(entry)))
        say()


def gathered(grammars: Mapping[str, Grammar]) -> dict[str, JsonObject]:
    """Return the groups of all trainables by name, as JSON values; shared ones appear once."""
    groups: dict[str, JsonObject] = {}
    for trainable, grammar in grammars.items():
        ungrouped = _all(grammar.hyperparameters)
        if ungrouped:
            _add(groups, UNGROUPED, trainable, {"kind": "own", "hyperparameters": ungrouped})
        for group in grammar.groups:
            _add(groups, group.name, trainable, _group(group))
    return {name: {**entry, "about": _about(entry)} for name, entry in groups.items()}


def _add(groups: dict[str, JsonObject], name: str, trainable: str, content: JsonObject) -> None:
    """Add a group, or a trainable to an equal one; a different group of that name gets its own entry."""
    content = {"doc": "", "default": None, "parts": [], **content}
    same = groups.get(name)
    if same is None:
        groups[name] = {"trainables": [trainable], **content}
    elif all(same[key] == content[key] for key in content):
        same["trainables"].append(trainable)
    else:
        groups[f"{trainable}.{name}"] = {"trainables": [trainable], **content}


def _group(group: Group) -> JsonObject:
    return {
        "kind": "any number" if group.many else "one of",
        "doc": group.doc,
        "default": group.default,
        "hyperparameters": _all(group.hyperparameters),
        "parts": [_part(part) for part in group.parts],
    }


def _part(part: Part) -> JsonObject:
    return {
        "name": part.name,
        "about": part.doc,
        "source": part.source,
        "demonstration": part.demonstration,
        "hyperparameters": _all(part.hyperparameters),
    }


def _all(hyperparameters: tuple[Hyperparameter, ...]) -> list[JsonObject]:
    return [
        {
            "name": parameter.name,
            "kind": parameter.kind,
            "default": parameter.default,
            "low": parameter.low if math.isfinite(parameter.low) else None,
            "high": parameter.high if math.isfinite(parameter.high) else None,
            "choices": list(parameter.choices),
            "legal": parameter.legal(),
            "about": parameter.doc,
        }
        for parameter in hyperparameters
    ]


def _about(group: JsonFields) -> str:
    kinds = {"own": "choices of every recipe", "one of": "one of these", "any number": "any number of these"}
    default = f", {group['default']} by default" if group["default"] else ""
    doc = f"{group['doc'].rstrip('.')}; " if group["doc"] else ""
    return f"{doc}{kinds[group['kind']]}{default} ({', '.join(group['trainables'])})"


def overview_rows(groups: Mapping[str, JsonFields]) -> Iterator[tuple[str, str, str]]:
    """Yield a row for each group: its name, its default, and the names that it knows."""
    for name, group in groups.items():
        names = [part["name"] for part in group["parts"]]
        names = names or [parameter["name"] for parameter in group["hyperparameters"]]
        yield name, group["default"] or "", ", ".join(names)


def table_rows(group: JsonFields) -> Iterator[tuple[str, ...]]:
    """Yield a row for each part and each hyperparameter of a group."""
    for parameter in group["hyperparameters"]:
        yield _parameter_row(parameter)
    for part in group["parts"]:
        warning = f"for demonstration: {part['demonstration']}" if part["demonstration"] else ""
        about = "; ".join(text for text in (part["about"].rstrip("."), warning, part["source"]) if text)
        yield part["name"], "", "", "", about
        yield from (_parameter_row(parameter) for parameter in part["hyperparameters"])


def _parameter_row(parameter: JsonFields) -> tuple[str, ...]:
    return "", parameter["name"], parameter["legal"], plain(parameter["default"]), parameter["about"]
