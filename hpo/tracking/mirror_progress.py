"""The mirror's progress, kept beside the search so that `status` can read it without mlflow."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from hpo.core.home import SearchFolder
from hpo.core.json_values import parsed
from hpo.core.private_files import replace_file


@dataclass(frozen=True, slots=True)
class MirrorProgress:
    """The mirror's last position and error.

    Attributes:
        position: Sequence number of the last event that MLflow shows.
        error: Why it got no further; empty if there is no problem.
        page: Path of the search's page on a tracking server; empty without a server.
    """

    position: int = 0
    error: str = ""
    page: str = ""

    def behind(self, last: int) -> int:
        """Return the number of events that MLflow does not show yet, given the ledger's last one."""
        return max(0, last - self.position)


def progress_file(folder: SearchFolder) -> Path:
    """Return the progress file of a search."""
    return folder.root / "mirror.json"


def load_progress(folder: SearchFolder) -> MirrorProgress:
    """Read the progress; position 0 where the file is missing or unreadable."""
    try:
        fields = parsed(progress_file(folder).read_text())
        return MirrorProgress(int(fields["position"]), str(fields["error"]), str(fields.get("page", "")))
    except (OSError, ValueError, KeyError, TypeError):
        return MirrorProgress()


def save_progress(folder: SearchFolder, progress: MirrorProgress) -> None:
    """Replace the file in one step, so that a reader never sees half of it.

    If the disk is full, the old file stays; the next attempt replaces it.
    """
    file = progress_file(folder)
    with suppress(OSError):
        replace_file(file, json.dumps(asdict(progress)))
