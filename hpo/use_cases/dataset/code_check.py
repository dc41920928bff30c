"""Whether a user's training code is still what the trials were trained with."""

from __future__ import annotations

from pathlib import Path

from hpo.core.errors import ChangedCode
from hpo.core.user_code import CodeDigests, changed_files, code_digests


def code_changes(trainable: str, base: Path, recorded: CodeDigests) -> list[str]:
    """Return the files that differ from those on record; none if no files are on record.

    Args:
        trainable: Shipped name, or ``module:attribute``.
        base: Folder that the user's code is imported from.
        recorded: Digests on record; earlier versions recorded none.
    """
    return changed_files(recorded, code_digests(trainable, base)) if recorded else []


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


def refusal_of(what: str, changed: list[str], base: Path) -> str:
    """Return the sentence that refuses changed code and names its files."""
    return (
        f"the code of {what} has changed since its trials were trained: {', '.join(changed)} in {base}; put "
        "it back, or accept the change with --changed-code, which is recorded"
    )
