"""Define the command ``hpo``: global options, commands, errors and exit codes.

Nothing heavy is imported before a command needs it, so that ``hpo --help`` answers at once.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from hpo import __version__
from hpo.cli.commands import (
    COMMANDS,
    PROFILE,
    PROFILE_COMMANDS,
    PROFILE_SUMMARY,
    RUN,
    SERVICE,
    SERVICE_COMMANDS,
    SERVICE_SUMMARY,
    GroupedHelp,
)
from hpo.cli.edited_records import naming_edits
from hpo.cli.session import Session, emit, line
from hpo.core.errors import HpoError
from hpo.core.home import Home

EVERYWHERE = "Accepted by every command, before or after its name: --home DIR, --profile NAME, --json."

app = typer.Typer(
    name="hpo",
    cls=GroupedHelp,
    help="Hyperparameter search that ends in one recipe and one honest number.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
service = typer.Typer(help=SERVICE_SUMMARY, no_args_is_help=True, rich_markup_mode=None)
profile_ = typer.Typer(help=PROFILE_SUMMARY, no_args_is_help=True, rich_markup_mode=None)
for _group, _commands in ((app, COMMANDS), (service, SERVICE_COMMANDS), (profile_, PROFILE_COMMANDS)):
    for _command in _commands:
        _group.command(
            _command.name,
            epilog=EVERYWHERE,
            short_help=_command.summary,
            hidden=_command.hidden,
            rich_help_panel=_command.heading,
        )(naming_edits(_command.function))
for _group, _name, _summary in ((service, SERVICE, SERVICE_SUMMARY), (profile_, PROFILE, PROFILE_SUMMARY)):
    app.add_typer(_group, name=_name, short_help=_summary, rich_help_panel=RUN, epilog=EVERYWHERE)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hpo {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(help="Folder of all searches; HPO_HOME by default, otherwise .hpo in this folder."),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A team's addresses; HPO_PROFILE by default. See hpo profile."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Read the global options."""
    name = profile or os.environ.get("HPO_PROFILE")
    if name and context.invoked_subcommand != PROFILE:
        from hpo.use_cases.profiles import applied

        context.with_resource(applied(name))
    context.obj = Session(Home.at(home), as_json, home, profile)


def _in_front(arguments: Sequence[str]) -> list[str]:
    """Move the global options to the front of the arguments."""
    front: list[str] = []
    words = list(arguments)
    end = words.index("--") if "--" in words else len(words)
    position = 0
    while position < end:
        word = words[position]
        taken = {"--json": 1, "--home": 2, "--profile": 2}.get(word, 0)
        taken = 1 if word.startswith(("--home=", "--profile=")) else taken
        front += words[position : position + taken]
        del words[position : position + taken]
        end -= taken
        position += taken == 0
    return front + words


INTERRUPTED = 128 + signal.SIGINT


class _Terminated(BaseException):
    """SIGTERM without another handler; unwinds the stack so that no child process is left behind."""


def _terminated(*_: object) -> None:
    raise _Terminated


@contextmanager
def _signals_reported() -> Iterator[None]:
    """Report Ctrl-C and SIGTERM in a sentence, and exit with the code that a shell expects."""
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, _terminated) if in_main else None
    try:
        yield
    except KeyboardInterrupt:
        _leave("ended by Ctrl-C", INTERRUPTED)
    except _Terminated:
        _leave("ended by SIGTERM", 128 + signal.SIGTERM)
    finally:
        if in_main:
            signal.signal(signal.SIGTERM, before)


def _leave(message: str, code: int) -> NoReturn:
    line(message, error=True)
    sys.exit(code)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its exit code.

    Errors go to standard error and, with ``--json``, also to standard output as JSON.
    """
    typed = _in_front(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in takewhile(lambda word: word != "--", typed)
    with _signals_reported():
        try:
            code = app(args=typed, prog_name="hpo", standalone_mode=False)
        except SystemExit as exit_:  # of the command itself, or of a pipe that was closed
            code = exit_.code
        except typer.TyperException as error:
            if as_json:
                emit({"error": error.format_message(), "exit_code": error.exit_code})
            _leave(_usage(error), error.exit_code)
        except typer.Abort:  # Ctrl-C at a question
            _leave("ended by Ctrl-C", INTERRUPTED)
        except HpoError as error:
            message = "\n".join(filter(None, (str(error), error.hint)))
            if as_json:
                emit({"error": message, "exit_code": error.exit_code})
            _leave(message, error.exit_code)
    if code == INTERRUPTED:  # Typer catches Ctrl-C silently
        _leave("ended by Ctrl-C", INTERRUPTED)
    sys.exit(code or 0)


def _usage(error: Any) -> str:
    """Return what Typer prints of a mistake on the command line, which may quote it unescaped."""
    page = io.StringIO()
    error.show(page)
    return page.getvalue().rstrip("\n")


if __name__ == "__main__":
    main()
