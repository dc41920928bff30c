"""What happens if a user's training code has changed since the trials of a search were trained."""

from __future__ import annotations

from pathlib import Path

from hpo.core.errors import Refused
from hpo.core.events import CodeChanged
from hpo.core.history import History
from hpo.core.user_code import code_digests
from hpo.spec import SearchSpec
from hpo.spec.recipe_files import RecipeFile
from hpo.use_cases.dataset.code_check import code_changes, refusal_of


def accepted_code(
    name: str, spec: SearchSpec, history: History, at: str, *, accept: bool
) -> list[CodeChanged]:
    """Return the event that records an accepted change of the code; empty if nothing has changed.

    Args:
        name: Name of the search.
        spec: Its spec.
        history: Its history.
        at: ``resume`` or ``test``.
        accept: Whether the user accepts a change.

    Raises:
        Refused: If the code has changed and the user does not accept that; with the names of the files.
    """
    changed = code_changes(spec.trainable, spec.base, history.code)
    if not changed:
        return []
    if not accept:
        raise Refused(refusal_of(name, changed, spec.base))
    return [CodeChanged(at, tuple(changed), code_digests(spec.trainable, spec.base))]


def changes_of_code(recipe: RecipeFile, path: Path, base: Path, *, accept: bool) -> tuple[str, ...]:
    """Return how the code differs from that of a recipe, if the user accepts that; else nothing differs.

    Args:
        recipe: The recipe.
        path: Its file.
        base: Folder that the user's code is imported from.
        accept: Whether the user accepts a change.

    Raises:
        Refused: If the code has changed and the user does not accept that.
    """
    changed = code_changes(recipe.trainable, base, recipe.provenance.get("code") or {})
    if changed and not accept:
        raise Refused(refusal_of(str(path), changed, base))
    return (f"code changed: {', '.join(changed)}",) if changed else ()
