"""Implement ``hpo try``: one recipe in this process, and whether a search could rely on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.options import AnySettings, Seed, SpecFile, overrides
from hpo.cli.session import Session, emit, say
from hpo.cli.trust import Trust, name_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hpo.use_cases.health.attempt import Attempt


def try_(
    context: typer.Context,
    spec: SpecFile,
    settings: AnySettings = None,
    seed: Seed = None,
    pdb: Annotated[
        bool, typer.Option("--pdb", help="Open the debugger where the training's code fails.")
    ] = False,
    trust: Trust = False,
) -> None:
    """Train one recipe for an epoch or two in this process, and check all that a search relies on."""
    from hpo import spec as specs
    from hpo.spec.builtin import locate
    from hpo.spec.overrides import fields_and_values
    from hpo.spec.starting_spec import starting_spec
    from hpo.use_cases.try_recipe import try_recipe

    session = Session.of(context)
    fields, values = fields_and_values(overrides(settings, seed))
    name_code(locate(spec), fields, beside=True, trust=trust, error=session.as_json)
    read = specs.read_spec(spec, fields)
    attempt = try_recipe(read, home=session.home, values=values, debug=_debug if pdb else None)
    if session.as_json:
        emit({**attempt.to_json(), "spec": starting_spec(read)})
        raise typer.Exit(attempt.exit_code)
    from hpo.cli.tables import pairs
    from hpo.spec.recipe_files import yaml_text

    say(pairs(_rows(attempt)))
    if not attempt.exit_code:
        say("\n# a spec to start from\n" + yaml_text(starting_spec(read)).rstrip())
    raise typer.Exit(attempt.exit_code)


def _rows(attempt: Attempt) -> Iterator[tuple[str, str]]:
    from hpo.core.formatting import NOTHING, choices, duration
    from hpo.core.recipe import Recipe

    yield "tried", choices(Recipe(attempt.recipe).flat())
    if attempt.rows:
        yield "rows", ", ".join(f"{used:,} of {n:,} {part}" for part, (used, n) in attempt.rows.items())
    for finding in attempt.findings:
        word = {"holds": "ok", "fails": "FAILS", "open": "note"}[finding.result]
        yield finding.name, f"{word}: {finding.detail}"
    yield "an epoch", f"about {duration(attempt.epoch_seconds)}{' on all rows' if attempt.rows else ''}"
    search = duration(attempt.search_seconds)
    yield "a search", search if search == NOTHING else f"about {search} on this machine"


def _debug(error: BaseException) -> None:
    import pdb

    pdb.post_mortem(error.__traceback__)
