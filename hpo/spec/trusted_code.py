"""Code that a spec or a recipe names: found without running it, and refused unless it is the user's own.

The author of such a file chooses what is imported and called: a module beside it, one in any folder
that a recipe's provenance names, and as a data source even a function of the standard library with its
arguments. It runs with the rights of the user. Code in the user's working folder or beside the spec that
a command runs, and a trainable of an installed package, run without further questions; anything else must
be trusted first. A recipe is often somebody else's, so code beside it is no exception.
"""

from __future__ import annotations

import importlib.util
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from sysconfig import get_paths
from typing import Any

from hpo.core.command import PREFIX, ScriptCommand
from hpo.core.errors import UserError
from hpo.core.import_folders import import_folders

TRUST = "--trust"

PACKAGES = {"site-packages", "dist-packages"}
"""Names of folders of installed packages."""


COMMAND, ON_END = "command", "on_end command"


@dataclass(frozen=True, slots=True)
class UserCode:
    """Code that a document names.

    Attributes:
        kind: ``trainable``, ``command``, ``data source`` or ``on_end command``.
        name: ``module:attribute``; the text of a command.
        file: The file that would be imported first; None if it is not in the document's folder.
    """

    kind: str
    name: str
    file: Path | None

    def __str__(self) -> str:
        if self.kind == COMMAND:
            return f"command {self.name!r}" + (f", which runs {self.file}" if self.file else "")
        if self.kind == ON_END:
            return f"{self.kind} {self.name!r} from {self.file}"
        module = self.name.partition(":")[0]
        return f"{self.kind} {self.name} from {self.file or f'the installed module {module}'}"

    def doubt(self, *folders: Path) -> str:
        """Return why it may not be the user's own; empty if it is.

        Args:
            *folders: Folders of the user's code, the working folder first.
        """
        if self.kind == COMMAND and self.file is None:
            return "names no file beside it"
        installed = None if self.file else _installed(self.name)
        if self.file is None and installed is None:
            return ""  # nothing to import
        file = self.file or (Path(str(installed.origin)) if installed and installed.has_location else None)
        if file is None or _is_library(file):
            return (
                "" if self.kind == "trainable" and file and not _is_python(file) else "is not code of yours"
            )
        if not any(_is_below(file, folder) for folder in folders):
            return f"lies outside the working folder {folders[0]}"
        for path in (file, file.parent):
            status = path.stat()
            if status.st_uid not in (0, os.geteuid()):
                return f"belongs to another user ({path})"
            if status.st_mode & stat.S_IWOTH:
                return f"can be changed by other users ({path})"
        return ""


def code_in(document: Any, folder: Path) -> Iterator[UserCode]:
    """Yield the code that a spec or a recipe names.

    Args:
        document: Content of the file, which need not be valid.
        folder: Folder of the file.
    """
    if not isinstance(document, Mapping):
        return
    provenance = _mapping(document.get("provenance"))
    folders = [folder, Path(str(provenance["base"]))] if "base" in provenance else [folder]
    sources = (_mapping(part.get("data")).get("source") for part in (document, provenance))
    trainable = document.get("trainable")
    yield from _code_of_command(trainable, folders)
    trainable = trainable.get("name") if isinstance(trainable, Mapping) else trainable
    for kind, names in (("trainable", [trainable]), ("data source", sources)):
        for name in names:
            if isinstance(name, str) and ":" in name and not ScriptCommand.of(name):
                files = dict.fromkeys(module_file(name, base) for base in folders)
                for file in files:
                    if file or len(files) == 1 or _installed(name):
                        yield UserCode(kind, name, file)


def command_at_end(document: Any, file: Path) -> UserCode | None:
    """Return the command that a spec runs at the end of its searches; None if it has none.

    It is as much the user's own as the spec that names it.

    Args:
        document: Content of the spec, which need not be valid.
        file: The spec.
    """
    command = _mapping(_mapping(document).get("on_end")).get("command")
    if not isinstance(command, list):
        return None
    return UserCode(ON_END, " ".join(map(str, command)), file)


def _code_of_command(trainable: Any, folders: Sequence[Path]) -> Iterator[UserCode]:
    """Yield the files that a command runs; the command itself if it names none."""
    if isinstance(trainable, str):
        command = ScriptCommand.of(trainable)
    elif isinstance(trainable, Mapping) and _is_list(trainable.get("command")):
        evaluate = trainable.get("evaluate") if _is_list(trainable.get("evaluate")) else []
        command = ScriptCommand.of_json(
            {"command": trainable["command"], "evaluate": evaluate, "metrics": {}}
        )
    else:
        return
    if command is None:
        return
    text = str(command).removeprefix(PREFIX)
    files: list[Path | None] = [file for folder in folders for file in command.files(folder)]
    yield from (UserCode(COMMAND, text, file) for file in files or [None])


def _is_list(value: Any) -> bool:
    if not isinstance(value, list):
        return False
    items = [item for part in value for item in (part if isinstance(part, list) else [part])]
    return bool(items) and all(isinstance(item, str) for item in items)


def require_trust(code: UserCode, document: Path, *folders: Path) -> None:
    """Refuse code that may not be the user's own.

    Args:
        code: The code.
        document: The file that names it.
        *folders: Folders of the user's code, the working folder first.

    Raises:
        UserError: If it may be somebody else's.
    """
    if doubt := code.doubt(*folders):
        raise UserError(
            f"{document}: it names the {code}, which {doubt}. It would run with all of your rights: read it, "
            f"then repeat the command with {TRUST}"
        )


def module_file(name: str, folder: Path) -> Path | None:
    """Return the file of a module in a folder, without importing it; None if the folder does not have it.

    Args:
        name: ``module:attribute``.
        folder: Where Python would look first.
    """
    for imported_from in import_folders(folder):
        module = imported_from.joinpath(*name.partition(":")[0].split("."))
        for file in (module.with_suffix(".py"), module / "__init__.py"):
            if os.path.isfile(file):
                return file
    return None


def _installed(name: str) -> ModuleSpec | None:
    """Where Python would import the package of an installed module from; None if it is not installed."""
    try:
        return importlib.util.find_spec(name.partition(":")[0].partition(".")[0])
    except (ImportError, ValueError):
        return None


def _is_library(file: Path) -> bool:
    """Return whether a file belongs to Python or to an installed package."""
    return bool(PACKAGES & set(file.parts)) or _is_python(file)


def _is_python(file: Path) -> bool:
    """Return whether a file belongs to the standard library, where packages can be installed, too."""
    return not PACKAGES & set(file.parts) and _is_below(file, Path(get_paths()["stdlib"]))


def _is_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
