"""What happens if code or packages have changed since the trials of a search were trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hpo.core.errors import Refused
from hpo.core.events import CodeChanged
from hpo.core.history import History
from hpo.core.package_versions import decisive_changes, versions
from hpo.core.user_code import code_digests, own_digests
from hpo.spec import SearchSpec
from hpo.spec.recipe_files import RecipeFile
from hpo.use_cases.dataset.code_check import (
    changes_of_search,
    code_changes,
    is_as_trained,
    refusal_of,
    source_changes,
)


def accepted_code(
    name: str, spec: SearchSpec, history: History, at: str, *, accept: bool
) -> list[CodeChanged]:
    """Return the event that records an accepted change of code or packages; empty if nothing has changed.

    If no training has been made since an earlier change was accepted, nobody needs to accept that it
    is put back.

    Args:
        name: Name of the search.
        spec: Its spec.
        history: Its history.
        at: ``resume`` or ``test``.
        accept: Whether the user accepts a change.

    Raises:
        Refused: If code or packages have changed and the user does not accept that; with their names.
    """
    files = changes_of_search(spec, history)
    packages = decisive_changes(history.versions, spec.trainable, spec.base)
    if not files and not packages:
        return []
    if not accept and not is_as_trained(spec, history):
        accepted = history.code_changes[-1].at if history.code_changes else ""
        raise Refused(refusal_of(name, files, spec.base, packages, accepted))
    return [
        CodeChanged(
            at,
            tuple(files),
            code_digests(spec.trainable, spec.base),
            own_digests(spec.data.source, spec.base),
            tuple(packages),
            versions(spec.trainable, spec.base) if packages else {},
        )
    ]


def changes_of_code(
    recipe: RecipeFile, path: Path, base: Path, *, accept: bool, reads_data: bool = False
) -> tuple[str, ...]:
    """Return how code and packages differ from those of a recipe, if the user accepts that.

    Args:
        recipe: The recipe.
        path: Its file.
        base: Folder that the user's code is imported from.
        accept: Whether the user accepts a change.
        reads_data: Whether the recipe's data is read again, so that the code of its source counts, too.

    Raises:
        Refused: If code or packages have changed and the user does not accept that.
    """
    provenance = recipe.provenance
    files = code_changes(recipe.trainable, base, provenance.get("code") or {})
    data = provenance.get("data")
    if reads_data and isinstance(data, Mapping):
        recorded = provenance.get("source_code") or {}
        files = sorted({*files, *source_changes(str(data.get("source", "")), base, recorded)})
    packages = decisive_changes(provenance.get("versions") or {}, recipe.trainable, base)
    if (files or packages) and not accept:
        raise Refused(refusal_of(str(path), files, base, packages))
    shown = [f"code changed: {', '.join(files)}"] if files else []
    return (*shown, *([f"packages changed: {', '.join(packages)}"] if packages else []))
