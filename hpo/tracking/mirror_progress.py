"""How far the mirror has come, kept beside the search so that `status` reads it without mlflow."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from hpo.core.home import SearchFolder


@dataclass(frozen=True, slots=True)
class MirrorProgress:
    """What the mirror's process wrote last.

    Attributes:
        position: Sequence number of the last event that MLflow shows.
        error: Why it has not come further; empty if nothing is in its way.
    """

    position: int = 0
    error: str = ""

    def behind(self, last: int) -> int:
        """Number of events that MLflow does not show yet, given the ledger's last one."""
        return max(0, last - self.position)


def progress_file(folder: SearchFolder) -> Path:
    """The file, in the folder of a search."""
    return folder.root / "mirror.json"


def load_progress(folder: SearchFolder) -> MirrorProgress:
    """What was written last; a start where there is nothing, or nothing legible."""
    try:
        fields = json.loads(progress_file(folder).read_text())
        return MirrorProgress(int(fields["position"]), str(fields["error"]))
    except (OSError, ValueError, KeyError, TypeError):
        return MirrorProgress()


def save_progress(folder: SearchFolder, progress: MirrorProgress) -> None:
    """Replace the file in one step, so that a reader never sees half of it.

    Where the disk is full the old news stays; the next attempt has newer.
    """
    file = progress_file(folder)
    draft = file.with_suffix(".tmp")
    with suppress(OSError):
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "w") as stream:
            json.dump(asdict(progress), stream)
        draft.replace(file)
