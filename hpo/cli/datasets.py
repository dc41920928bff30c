"""``hpo data``: what a spec's data is and who gets how much of it; test examples stay unseen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from hpo.cli.options import Settings, SpecFile, overrides
from hpo.cli.session import Session, emit, own_stdout, say
from hpo.cli.words import count

if TYPE_CHECKING:
    from hpo.use_cases.material import Material

SHOWN = 30
"""Classes or columns that are listed by name; more are counted."""


def data(context: typer.Context, spec: SpecFile, settings: Settings = None) -> None:
    """Read a spec's data and show its classes, its size and how it is split."""
    from hpo import spec as specs
    from hpo.cli.tables import pairs
    from hpo.use_cases.material import material_of

    session = Session.of(context)
    read = specs.read(spec, overrides(settings, None))
    with own_stdout():
        material = material_of(read.data, read.base, session.home.create())
    if session.as_json:
        emit(facts(material))
        return
    say(pairs(fact_rows(read.data.source, facts(material))))


def facts(material: Material) -> dict[str, Any]:
    """What is known of the data, as a JSON value."""
    prepared = material.prepared
    info = prepared.info
    return {
        "kind": info.kind,
        "task": info.task,
        "shape": list(info.shape),
        "classes": dict(zip(info.classes, prepared.class_counts, strict=False)),
        "columns": list(info.columns),
        "practice": info.practice,
        "split": material.facts(),
        "warnings": list(prepared.warnings),
    }


def fact_rows(source: str, shown: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The same, line by line."""
    shape = " x ".join(map(str, shown["shape"])) + (" columns" if shown["kind"] == "table" else "")
    practice = ", practice data" if shown["practice"] else ""
    yield "data", f"{source}: {shown['task']} of {shown['kind']}s, {shape}{practice}"
    classes = [f"{name} ({n:,})" for name, n in shown["classes"].items()]
    if classes:
        yield f"{len(classes)} classes", f"{_listed(classes)} in the development part"
    if shown["columns"]:
        yield count(len(shown["columns"]), "column"), _listed(shown["columns"])
    split = shown["split"]
    for part, n in split["counts"].items():
        yield part, count(n, "example")
    test = split["test"]
    yield "test", f"{count(test['n'], 'example')}, sealed" if test else "none"
    yield "fingerprint", f"{split['fingerprint'][:16]} (split), {split['data'][:16]} (data)"
    for warning in shown["warnings"]:
        yield "warning", warning


def _listed(names: list[str]) -> str:
    more = f", and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
