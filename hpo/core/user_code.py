"""The files of a user's own training code, with digests: the module, and what it imports from its project.

Imports are found in the source, without running it: also those inside functions, but not those by a
computed name, and no files that the code reads. Installed libraries are covered by their versions.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.machinery
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hpo.core.command import ScriptCommand
from hpo.core.import_folders import import_folders

CodeDigests = Mapping[str, str]
"""File, relative to the folder that it is imported from, to the SHA-256 of its content."""

SUFFIXES = (".py", *importlib.machinery.EXTENSION_SUFFIXES)


def code_digests(trainable: str, base: Path) -> dict[str, str]:
    """Return the files of a user's own trainable with their digests; empty for a shipped one.

    Args:
        trainable: Shipped name, or ``module:attribute``.
        base: Folder that the user's code is imported from, before installed packages.
    """
    if command := ScriptCommand.of(trainable):
        return _digests_of_files(command.files(base), base)
    module, colon, _ = trainable.partition(":")
    if not colon:
        return {}
    top = module.partition(".")[0]
    folders = import_folders(base)
    own = any((folder / top).is_dir() or any(_files(top, folder)) for folder in folders)
    roots = folders if own else _installed_in(top)
    waiting, seen = [module], set[str]()
    digests: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        if name in seen or not (own or name.partition(".")[0] == top):
            continue
        seen.add(name)
        for root, file in [(folder, file) for folder in roots for file in _files(name, folder)]:
            key = file.relative_to(root).as_posix()
            if key not in digests:
                content = file.read_bytes()
                digests[key] = hashlib.sha256(content).hexdigest()
                waiting += _imported(content, file, root)
    return dict(sorted(digests.items()))


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
