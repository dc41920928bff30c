"""Define arguments and options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hpo.core.errors import UserError

if TYPE_CHECKING:
    from hpo.use_cases.search.run_options import RunOptions

SearchName = Annotated[str, typer.Argument(metavar="SEARCH", help="Name of the search; see hpo list.")]
SpecFile = Annotated[str, typer.Argument(metavar="SPEC", help="A YAML file, or the name of a shipped spec.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a field of the spec; can be repeated."),
]
AnySettings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Set a field of the spec or a hyperparameter; can be repeated."
    ),
]
Seed = Annotated[int | None, typer.Option(help="Seed of the search; overrides the spec's.")]
Again = Annotated[bool, typer.Option("--again", help="Open test data again; needs --reason.")]
PredictAgain = Annotated[
    bool, typer.Option("--again", help="Predict labelled rows of a test part, as a look; needs --reason.")
]
NewSplit = Annotated[
    bool,
    typer.Option(
        "--new-split", help="Cut the test part again, even if opened rows leave it; needs --reason."
    ),
]
ChangedCode = Annotated[
    bool, typer.Option("--changed-code", help="Accept training code that changed since the trials; recorded.")
]
Reason = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Why test data is opened or split again; recorded.")
]

NoTest = Annotated[bool, typer.Option("--no-test", help="Leave the test part sealed at the end.")]
Address = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Ray cluster; by default RAY_ADDRESS, else this machine."),
]
Detach = Annotated[
    bool, typer.Option("--detach", help="Return at once; the search goes on without this terminal.")
]

Job = Annotated[
    bool, typer.Option("--job", help="Leave it to the cluster's job server; see hpo profile add --jobs.")
]


def run_options(
    no_test: bool,
    again: bool,
    reason: str | None,
    address: str | None,
    *,
    changed_code: bool = False,
    new_split: bool | None = None,
) -> RunOptions:
    """Return the choices about a run that the options of a command make.

    Args:
        no_test: Whether ``--no-test`` is given.
        again: Whether ``--again`` is given.
        reason: Value of ``--reason``; None without one.
        address: Value of ``--address``; None without one.
        changed_code: Whether ``--changed-code`` is given.
        new_split: As for `reason_of`.

    Raises:
        UserError: As for `reason_of`.
    """
    from hpo.use_cases.search.run_options import RunOptions

    text = reason_of(again, reason, new_split)
    return RunOptions(not no_test, text if again else "", changed_code, address)


def reason_of(again: bool, reason: str | None, new_split: bool | None = None) -> str:
    """Return the reason for opening test data again, or for a new split; empty without either option.

    Args:
        again: Whether ``--again`` is given.
        reason: Value of ``--reason``; None without one.
        new_split: Whether ``--new-split`` is given; None for commands that do not have it.

    Raises:
        UserError: If an option is given without a reason, or a reason without an option.
    """
    text = (reason or "").strip()
    if again and not text:
        raise UserError("--again needs --reason TEXT, which is recorded beside the score")
    if new_split and not text:
        raise UserError("--new-split needs --reason TEXT, which the account shows")
    if reason is not None and not again and not new_split:
        raise UserError("--reason needs --again" + ("" if new_split is None else " or --new-split"))
    return text


def overrides(settings: list[str] | None, seed: int | None) -> list[str]:
    """Return the fields set on the command line; ``--seed`` overrides ``--set seed=``."""
    return [*(settings or ()), *(() if seed is None else (f"seed={seed}",))]
