"""``hpo ablate``: what each component of a recipe is worth."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.options import Address, Seed, Settings, overrides
from hpo.cli.session import Session, emit, say
from hpo.cli.trust import Trust, name_code
from hpo.core.formatting import NOTHING, plain, signed, spread

if TYPE_CHECKING:
    from hpo.use_cases.ablate import Ablation, AblationRow


def ablate(
    context: typer.Context,
    recipe: Annotated[
        str,
        typer.Argument(metavar="RECIPE", help="A recipe file, or the name of an ablation to show."),
    ],
    seeds: Annotated[int, typer.Option(help="Fresh seeds of each variant.")] = 5,
    components: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME", help="What to switch off; by default all that can be; none: --with alone."
        ),
    ] = None,
    variants: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="NAME=VALUE,...",
            help="Another variant, with these values instead of the recipe's; can be repeated.",
        ),
    ] = None,
    settings: Settings = None,
    seed: Seed = None,
    name: Annotated[str | None, typer.Option(help="Name of the search.")] = None,
    address: Address = None,
    trust: Trust = False,
) -> None:
    """Switch off one component of a recipe at a time, or change it, and show the effect on validation."""
    from hpo.cli.live_table import show
    from hpo.use_cases import ablate as ablation

    session = Session.of(context)
    only = [name.strip() for name in (components or "").split(",") if name.strip()]
    if os.path.isfile(recipe):
        name_code(Path(recipe), overrides(settings, seed), trust=trust)
        outcome = show(
            session,
            lambda watch: ablation.run_ablation(
                Path(recipe),
                home=session.home,
                seeds=seeds,
                components=only,
                others=variants or (),
                settings=overrides(settings, seed),
                name=name,
                address=address,
                watch=watch,
            ),
        )
        recipe, code = outcome.search, outcome.exit_code
    elif ablation.is_over(recipe, home=session.home):
        code = 0
    else:
        code = show(
            session,
            lambda watch: ablation.resume_ablation(recipe, home=session.home, address=address, watch=watch),
        ).exit_code
    _show_table(session, ablation.ablation_table(recipe, home=session.home))
    raise typer.Exit(code)


def _show_table(session: Session, table: Ablation) -> None:
    if session.as_json:
        emit(table.to_json())
    else:
        _print(table)


def _print(table: Ablation) -> None:
    from hpo.cli.tables import grid

    head = (
        "off or changed",
        "instead",
        f"validation {table.metric}",
        "seeds",
        "difference",
        "95 % interval",
        "",
    )
    say()
    say(grid(head, (tuple(_cells(row)) for row in table.rows)))
    say(
        "\nA difference is the mean over pairs of trainings on the same seed. One 95 % interval in twenty\n"
        f"misses the true value by chance; * marks differences that are clear with all "
        f"{len(table.rows) - 1} taken\ntogether (Bonferroni)."
    )


def _cells(row: AblationRow) -> Iterator[str]:
    yield row.component or "nothing (the recipe)"
    yield ", ".join(_change(row))
    yield row.failure.replace("_", " ") or (spread(row.mean, row.std) if row.n else NOTHING)
    yield str(row.n)
    if not row.component or not math.isfinite(row.difference):
        yield from ("", "", "")
        return
    yield signed(row.difference, row.mean)
    low, high = signed(row.low, row.mean), signed(row.high, row.mean)
    yield f"{low} to {high}" if math.isfinite(row.low) else NOTHING
    yield "*" if row.clear else ""


def _change(row: AblationRow) -> Iterator[str]:
    """Yield what each changed value becomes; nothing for a component that is switched off."""
    own, off = ({row.component: v} if not isinstance(v, dict) else v for v in (row.own, row.off))
    for name in own if row.component else ():
        if len(own) > 1 or off[name] is not False:
            before = "" if own[name] is None else f"{plain(own[name])} -> "
            yield f"{before}{plain(off[name])}"
