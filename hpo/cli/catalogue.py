"""``hpo parts``: everything a recipe can say, read from the trainables' tables without torch."""

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

OWN = "recipe"
"""Under this name go the choices that belong to no group."""


def parts(
    context: typer.Context,
    group: Annotated[
        str | None, typer.Argument(metavar="[GROUP]", help="One group, such as optimizer.")
    ] = None,
) -> None:
    """List what recipes and data can say: parts with their hyperparameters and sources."""
    from hpo.cli.tables import grid
    from hpo.core.grammar import Grammar
    from trainables.parts.data_sources import SOURCE
    from trainables.registry import SHIPPED

    data = {"data": Grammar((), (SOURCE,))}
    groups = gathered({**{name: each.grammar for name, each in SHIPPED.items()}, **data})
    if group is not None:
        wanted = {name: each for name, each in groups.items() if group in (name, name.rpartition(".")[2])}
        if not wanted:
            raise UserError(f"there is no group {group!r}; there are: {', '.join(groups)}")
        groups = wanted
    if Session.of(context).as_json:
        emit(groups)
        return
    for name, each in groups.items():
        say(f"{name}: {each['about']}")
        say(grid(("part", "hyperparameter", "legal", "default", "about"), table_rows(each)))
        say()


def gathered(grammars: Mapping[str, Grammar]) -> dict[str, JsonObject]:
    """Groups of all trainables by name, those that trainables share once, as JSON values."""
    groups: dict[str, JsonObject] = {}
    for trainable, grammar in grammars.items():
        own = _all(grammar.hyperparameters)
        if own:
            _add(groups, OWN, trainable, {"kind": "own", "hyperparameters": own})
        for group in grammar.groups:
            _add(groups, group.name, trainable, _group(group))
    return {name: {**each, "about": _about(each)} for name, each in groups.items()}


def _add(groups: dict[str, JsonObject], name: str, trainable: str, content: JsonObject) -> None:
    """Add a group, or another trainable to the same one; a namesake with other parts gets its own entry."""
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
            "name": own.name,
            "kind": own.kind,
            "default": own.default,
            "low": own.low if math.isfinite(own.low) else None,
            "high": own.high if math.isfinite(own.high) else None,
            "choices": list(own.choices),
            "legal": own.legal(),
            "about": own.doc,
        }
        for own in hyperparameters
    ]


def _about(group: JsonFields) -> str:
    kinds = {"own": "choices of every recipe", "one of": "one of these", "any number": "any number of these"}
    default = f", {group['default']} by default" if group["default"] else ""
    doc = f"{group['doc'].rstrip('.')}; " if group["doc"] else ""
    return f"{doc}{kinds[group['kind']]}{default} ({', '.join(group['trainables'])})"


def table_rows(group: JsonFields) -> Iterator[tuple[str, ...]]:
    """A line for each part and each hyperparameter of a group."""
    for own in group["hyperparameters"]:
        yield _own_row(own)
    for part in group["parts"]:
        warning = f"for demonstration: {part['demonstration']}" if part["demonstration"] else ""
        about = "; ".join(text for text in (part["about"].rstrip("."), warning, part["source"]) if text)
        yield part["name"], "", "", "", about
        yield from (_own_row(own) for own in part["hyperparameters"])


def _own_row(own: JsonFields) -> tuple[str, ...]:
    return "", own["name"], own["legal"], plain(own["default"]), own["about"]
