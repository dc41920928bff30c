"""The files of a user's own code, with digests: a module, and what it imports from its project.

Imports are found in the source, without running it: also those inside functions, but not those by a
computed name, and no files that the code reads. Installed libraries are covered by their versions.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.machinery
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.core.command import ScriptCommand
from hpo.core.import_folders import import_folders

CodeDigests = Mapping[str, str]
"""File, relative to the folder that it is imported from, to the SHA-256 of its content."""

SUFFIXES = (".py", *importlib.machinery.EXTENSION_SUFFIXES)


@dataclass(frozen=True, slots=True)
class ImportedCode:
    """Code that a spec names.

    Attributes:
        files: Its files with their digests, sorted by name; empty for shipped code.
        imports: Top-level names of the modules that it imports from elsewhere.
    """

    files: dict[str, str]
    imports: frozenset[str]


def code_digests(name: str, base: Path) -> dict[str, str]:
    """Return the files of a user's own code with their digests; empty for shipped code.

    Args:
        name: Shipped name, or ``module:attribute``.
        base: Folder that the user's code is imported from, before installed packages.
    """
    return imported_code(name, base).files


def own_digests(name: str, base: Path) -> dict[str, str]:
    """Return the same, but nothing of an installed package either."""
    return code_digests(name, base) if _is_own(name.partition(":")[0].partition(".")[0], base) else {}


def imported_code(name: str, base: Path) -> ImportedCode:
    """Return the code of a trainable or of a data source; the arguments are those of `code_digests`."""
    if command := ScriptCommand.of(name):
        return ImportedCode(_digests_of_files(command.files(base), base), frozenset())
    module, colon, _ = name.partition(":")
    if not colon:
        return ImportedCode({}, frozenset())
    top = module.partition(".")[0]
    of_user = _is_own(top, base)
    roots = import_folders(base) if of_user else _installed_in(top)
    waiting, seen = [module], set[str]()
    digests: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if not (of_user or name.partition(".")[0] == top):
            continue
        for root, file in [(folder, file) for folder in roots for file in _files(name, folder)]:
            key = file.relative_to(root).as_posix()
            if key not in digests:
                content = file.read_bytes()
                digests[key] = hashlib.sha256(content).hexdigest()
                waiting += _imported(content, file, root)
    tops = {name.partition(".")[0] for name in (*seen, *waiting)}
    elsewhere = {name for name in tops if not of_user or not _is_own(name, base)}
    return ImportedCode(dict(sorted(digests.items())), frozenset(elsewhere))


def _is_own(top: str, base: Path) -> bool:
    """Return whether a top-level module is imported from a folder of the user's own."""
    return any((folder / top).is_dir() or any(_files(top, folder)) for folder in import_folders(base))


def _digests_of_files(files: Sequence[Path], base: Path) -> dict[str, str]:
    """Return the digests of a command's files, and of the modules beside them that they import."""
    waiting, digests = list(files), dict[str, str]()
    while waiting:
        file = waiting.pop()
        key = file.relative_to(base).as_posix()
        if key not in digests:
            content = file.read_bytes()
            digests[key] = hashlib.sha256(content).hexdigest()
            names = _imported(content, file, file.parent)
            waiting += [path for name in names for path in _files(name, file.parent)]
    return dict(sorted(digests.items()))


def changed_files(before: CodeDigests, now: CodeDigests) -> list[str]:
    """Return the files that differ between two sets of digests, those in only one of them included."""
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def _files(module: str, root: Path) -> Iterator[Path]:
    """Yield the files that importing a module runs: those of its packages, and its own."""
    folder = root
    for name in module.split("."):
        for stem in (folder / name / "__init__", folder / name):
            yield from (file for end in SUFFIXES if (file := stem.parent / f"{stem.name}{end}").is_file())
        folder = folder / name


def _installed_in(top: str) -> tuple[Path, ...]:
    """Return the folder that an installed top-level module is imported from, without importing it."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return ()
    if spec is None:
        return ()
    if spec.submodule_search_locations:
        return (Path(next(iter(spec.submodule_search_locations))).parent,)
    return (Path(spec.origin).parent,) if spec.origin else ()


def _imported(content: bytes, file: Path, root: Path) -> Sequence[str]:
    """Return the names of all modules that a source file may import."""
    if file.suffix != ".py":
        return ()
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # importing it fails with a better message
        return ()
    package = file.relative_to(root).parent.parts
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *((node.module,) if node.module else ())])
            names += [module, *(f"{module}.{alias.name}".lstrip(".") for alias in node.names)]
    return [name for name in names if name]
