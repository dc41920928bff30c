"""Whether Python can tell the user's own modules from hpo's."""

from __future__ import annotations

from pathlib import Path

from hpo.core.command import ScriptCommand
from hpo.core.import_folders import import_folders
from hpo.core.namesakes import describe_namesake, find_namesake
from hpo.spec.faults import Faults
from hpo.spec.fields import Document


def check_imports(document: Document, base: Path, working_folder: Path, faults: Faults) -> None:
    """Refuse modules beside the spec or in the working folder that have the name of a package of hpo.

    Args:
        document: What the spec says.
        base: Folder of the spec, from which the user's own code is imported.
        working_folder: Folder in which hpo runs; Ray's workers import from it, too.
        faults: Gathers what is wrong.

    Raises:
        InvalidSpec: If there is such a module: what is checked next may need the package of hpo.
    """
    before = len(faults.found)
    for field, name in ((("trainable",), document.trainable), (("data", "source"), document.data.source)):
        folders = import_folders(base) if ":" in name and not ScriptCommand.of(name) else ()
        paths = (find_namesake(folder, name.partition(":")[0]) for folder in folders)
        path = next((path for path in paths if path is not None), None)
        if path is not None:
            faults.add(field, f"{describe_namesake(path)}; rename it")
    path = find_namesake(working_folder)
    if path is not None and len(faults.found) == before:
        faults.add(("trainable",), f"{describe_namesake(path)}; rename it, or run hpo from another folder")
    if len(faults.found) > before:
        faults.raise_any()
