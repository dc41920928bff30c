"""User code is named before a command imports it, and refused unless it is trusted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.session import line
from hpo.core.errors import UserError

Trust = Annotated[
    bool, typer.Option("--trust", help="Run code that the file names, though it is not in this folder.")
]


def name_code(
    file: Path,
    overrides: Sequence[str] = (),
    *,
    trust: bool,
    beside: bool = False,
    to_end: bool = False,
    error: bool = True,
) -> None:
    """Print which user code a spec or a recipe names.

    Args:
        file: The spec or recipe.
        overrides: Fields of it set on the command line.
        trust: Whether the user trusts code that may not be the user's own.
        beside: Whether code in the folder of the file counts as the user's own, as it does for a spec.
        to_end: Whether the command runs a search to its end, where the spec may have a command run.
        error: Whether to print to standard error.

    Raises:
        InvalidSpec: If the file cannot be read.
        UserError: If a recipe does not exist, or names code that may not be the user's own and is not
            trusted.
    """
    from hpo.spec.faults import Faults
    from hpo.spec.overrides import override
    from hpo.spec.trusted_code import code_in, command_at_end, require_trust
    from hpo.spec.yaml_text import read_text

    if not beside and is_missing(file):
        raise UserError(
            f"{file} does not exist; legal: a recipe, which `hpo export SEARCH --out FILE` writes"
        )
    folder = file.absolute().parent
    folders = (Path.cwd(), folder) if beside else (Path.cwd(),)
    document = override(read_text(file).value, overrides, Faults(str(file)))
    at_end = command_at_end(document, file.absolute()) if to_end else None
    for code in dict.fromkeys((*code_in(document, folder), *([at_end] if at_end else []))):
        line(f"your code, which this command runs: {code}", error=error)
        if not trust:
            require_trust(code, file, *folders)


def is_missing(path: Path) -> bool:
    """Return whether there is nothing at a path, as far as this user can see."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):  # whatever reads it says why it cannot
        return False
    return False
