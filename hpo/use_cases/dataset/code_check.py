"""Whether a user's code is still what the trials were trained with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.core.errors import ChangedCode
from hpo.core.history import History
from hpo.core.package_versions import decisive_changes
from hpo.core.user_code import CodeDigests, changed_files, code_digests, own_digests

if TYPE_CHECKING:  # workers import this module, and never a spec
    from hpo.spec import SearchSpec

TRAINED = "since its trials were trained"


def code_changes(trainable: str, base: Path, recorded: CodeDigests) -> list[str]:
    """Return the files that differ from those on record; none if no files are on record.

    Args:
        trainable: Shipped name, or ``module:attribute``.
        base: Folder that the user's code is imported from.
        recorded: Digests on record; earlier versions recorded none.
    """
    return changed_files(recorded, code_digests(trainable, base)) if recorded else []


def source_changes(source: str, base: Path, recorded: CodeDigests) -> list[str]:
    """Return the files of a data source that differ from those on record; none if none are on record."""
    return changed_files(recorded, own_digests(source, base)) if recorded else []


def changes_of_search(spec: SearchSpec, history: History) -> list[str]:
    """Return the files of a search, of its trainable and its data source, that differ from the record."""
    return _changes_since(spec, history.code, history.source_code)


def is_as_trained(spec: SearchSpec, history: History) -> bool:
    """Return whether all trainings of a search were made with its code and packages as they are now."""
    return bool(history.trained_with) and not any(
        _changes_since(spec, code, source_code) or decisive_changes(versions, spec.trainable, spec.base)
        for code, source_code, versions in history.trained_with
    )


def _changes_since(spec: SearchSpec, code: CodeDigests, source_code: CodeDigests) -> list[str]:
    files = code_changes(spec.trainable, spec.base, code)
    return sorted({*files, *source_changes(spec.data.source, spec.base, source_code)})


def require_code(what: str, trainable: str, base: Path, recorded: CodeDigests) -> None:
    """Refuse code that is not the recorded one.

    Args:
        what: What was trained with the recorded code, such as ``small``.
        trainable: Shipped name, or ``module:attribute``.
        base: Folder that the user's code is imported from.
        recorded: Digests on record; earlier versions recorded none.

    Raises:
        ChangedCode: If a file differs.
    """
    changed = code_changes(trainable, base, recorded)
    if changed:
        raise ChangedCode(refusal_of(what, changed, base), f"{', '.join(changed)} in {base}")


def refusal_of(
    what: str, files: Sequence[str], base: Path, packages: Sequence[str] = (), accepted: str = ""
) -> str:
    """Return the sentence that refuses changed code or packages and names them.

    Args:
        what: What was trained with the recorded code.
        files: The files that differ from it.
        base: Folder that the code is imported from.
        packages: The packages that differ.
        accepted: Command for which a change was accepted last; empty before the first.
    """
    since = f"since a change was accepted for `hpo {accepted}`" if accepted else TRAINED
    changed = []
    if files:
        former = "put the accepted version back" if accepted else "put it back"
        changed.append(f"the code of {what} has changed {since}: {', '.join(files)} in {base}; {former}")
    if packages:
        former = "accepted" if accepted else "former"
        changed.append(
            f"the packages of {what} have changed {since}: {', '.join(packages)}; "
            f"install the {former} versions"
        )
    return f"{', and '.join(changed)}, or accept the change with --changed-code, which is recorded"
