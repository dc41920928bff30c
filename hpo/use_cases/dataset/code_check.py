"""Whether a user's code is still what the trials were trained with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpo.core.errors import ChangedCode
from hpo.core.history import History
from hpo.core.user_code import CodeDigests, changed_files, code_digests, own_digests
from hpo.spec import SearchSpec


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
    files = code_changes(spec.trainable, spec.base, history.code)
    return sorted({*files, *source_changes(spec.data.source, spec.base, history.source_code)})


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


def refusal_of(what: str, files: Sequence[str], base: Path, packages: Sequence[str] = ()) -> str:
    """Return the sentence that refuses changed code or packages and names them."""
    changed = []
    if files:
        changed.append(
            f"the code of {what} has changed since its trials were trained: {', '.join(files)} in {base}; "
            "put it back"
        )
    if packages:
        changed.append(
            f"the packages of {what} have changed since its trials were trained: {', '.join(packages)}; "
            "install the former versions"
        )
    return f"{', and '.join(changed)}, or accept the change with --changed-code, which is recorded"
