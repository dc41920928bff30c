"""Commands about specs and what they are made of; they start nothing."""

from __future__ import annotations

from pathlib import Path

import typer

import hpo
from hpo.cli.session import Session, console, emit


def spaces(context: typer.Context) -> None:
    """List the search spaces and recipes that ship, with a line each."""
    shipped = [{"path": str(path), "about": about(path)} for path in sorted(shipped_folder().rglob("*.yaml"))]
    if Session.of(context).as_json:
        emit(shipped)
        return
    from hpo.cli.tables import grid

    console().print(grid(("spec", "about"), [(each["path"], each["about"]) for each in shipped]))


def shipped_folder() -> Path:
    """The folder of the specs that ship, beside the package, as a path that can be typed from here."""
    folder = Path(hpo.__file__).resolve().parent.parent / "search_spaces"
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def about(path: Path) -> str:
    """The first comment of a spec that is meant for a reader."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            text = line.strip().removeprefix("#").strip()
            if line.startswith("#") and text and not text.startswith("yaml-language-server"):
                return text
    return ""
