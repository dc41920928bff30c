"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

SearchName = Annotated[str, typer.Argument(metavar="SEARCH", help="Name of the search; see hpo list.")]
SpecFile = Annotated[
    str, typer.Argument(metavar="SPEC", help="The spec: a YAML file, or the name of one that ships.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set any field of the spec; can be repeated."),
]
Seed = Annotated[int | None, typer.Option(help="Seed of the search, instead of the spec's.")]


def overrides(settings: list[str] | None, seed: int | None) -> list[str]:
    """The fields of the spec that were set on the command line; ``--seed`` has the last word."""
    return [*(settings or ()), *(() if seed is None else (f"seed={seed}",))]
