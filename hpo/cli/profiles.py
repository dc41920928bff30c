"""Commands that keep the addresses of a team's services under a name."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from hpo.cli.session import Session, emit, say

ProfileName = Annotated[str, typer.Argument(metavar="NAME", help="Name; see hpo profile list.")]


def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the profile.")],
    ledger: Annotated[
        str,
        typer.Option(
            metavar="URL", help="Database of the searches' record: postgresql://USER@HOST/DATABASE."
        ),
    ] = "",
    store: Annotated[
        str,
        typer.Option(
            metavar="URL", help="Where models, logs and code are kept: a folder, s3://... or gs://..."
        ),
    ] = "",
    cluster: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Ray cluster that runs the trials: HOST:PORT of its head.")
    ] = "",
    tracking: Annotated[str, typer.Option(metavar="URI", help="MLflow tracking server.")] = "",
    jobs: Annotated[
        str, typer.Option(metavar="URL", help="Ray's job server on that cluster, for hpo submit --job.")
    ] = "",
    job_home: Annotated[
        str, typer.Option(metavar="PATH", help="Home of such jobs, in a folder that all nodes share.")
    ] = "",
    register: Annotated[
        str, typer.Option(metavar="URL", help="Register of openings; the ledger's database by default.")
    ] = "",
    price_per_gpu_hour: Annotated[
        float | None, typer.Option(metavar="X", help="What an hour of one GPU costs.")
    ] = None,
    password_env: Annotated[
        str, typer.Option(metavar="VARIABLE", help="Environment variable that holds the database's password.")
    ] = "",
    password_file: Annotated[
        str,
        typer.Option(metavar="FILE", help="File that only you can read; its first line is that password."),
    ] = "",
    password_keyring: Annotated[
        bool, typer.Option("--password-keyring", help="Take that password from your keyring.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the profile of this name.")] = False,
) -> None:
    """Keep a team's addresses under a name, for --profile NAME or HPO_PROFILE; no passwords."""
    from hpo.use_cases.profiles import add_profile

    values = {
        "ledger": ledger,
        "store": store,
        "cluster": cluster,
        "tracking": tracking,
        "jobs": jobs,
        "job_home": job_home,
        "register": register,
        "price_per_gpu_hour": price_per_gpu_hour,
        "password_env": password_env,
        "password_file": password_file,
        "password_keyring": password_keyring,
    }
    entries = {field: value for field, value in values.items() if value not in ("", None, False)}
    file = add_profile(name, entries, replace=replace)
    if Session.of(context).as_json:
        emit({"profile": name, "file": str(file)})
    else:
        say(f"profile {name} is in {file}; `hpo --profile {name} list` uses it")


def list_(context: typer.Context) -> None:
    """List the profiles of this user."""
    from hpo.use_cases.profiles import CHOSEN, profile_names

    names, chosen = profile_names(), os.environ.get(CHOSEN, "")
    if Session.of(context).as_json:
        emit([{"profile": name, "chosen": name == chosen} for name in names])
        return
    for name in names:
        say(f"{name} ({CHOSEN})" if name == chosen else name)
    if not names:
        say("no profile yet; `hpo profile add` adds one")


def show(context: typer.Context, name: ProfileName) -> None:
    """Show the addresses of a profile, and which environment variables replace them now."""
    from hpo.cli.tables import grid
    from hpo.core.profile import VARIABLES
    from hpo.use_cases.profiles import load_profile

    profile = load_profile(name)
    replaced = {field for field, variable in VARIABLES.items() if os.environ.get(variable)}
    if Session.of(context).as_json:
        emit({"profile": name, **profile.to_json(), "replaced": sorted(replaced)})
        return
    rows = (
        (field, str(value), f"{VARIABLES[field]} replaces it" if field in replaced else "")
        for field, value in profile.to_json().items()
    )
    say(grid(("field", "value", ""), rows))


def remove(context: typer.Context, name: ProfileName) -> None:
    """Remove a profile; what its addresses lead to stays."""
    from hpo.use_cases.profiles import remove_profile

    remove_profile(name)
    if Session.of(context).as_json:
        emit({"profile": name, "removed": True})
    else:
        say(f"profile {name} is removed")
