"""What the trainings of a search printed: in the home, and in the store by nodes that do not see it."""

from __future__ import annotations

from contextlib import suppress

from hpo.core.home import SearchFolder
from hpo.core.training_state import Training
from hpo.core.visible_text import last_shown
from hpo.use_cases.search.stored_logs import StoredLogs


class TrainingLogs:
    """Reads the logs of a search while it runs.

    Args:
        folder: Its folder.
        stored: The logs that are still in the store; None if there are none.
    """

    def __init__(self, folder: SearchFolder, stored: StoredLogs | None = None):
        self._folder, self._stored = folder, stored

    def refresh(self) -> None:
        """Look again for what was printed since."""
        if self._stored is not None:
            self._stored.refresh()

    def text(self, training: Training) -> str:
        """Return what a training printed so far."""
        return _shown(self._from(training, 0)).rstrip()

    def new_lines(self, training: Training, start: int, whole: bool) -> tuple[str, int]:
        """Return the text of a log from a position on, and the position after it.

        Args:
            training: The training.
            start: The position, in bytes.
            whole: Whether to return a line that has not ended.
        """
        content = self._from(training, start)
        end = len(content) if whole else content.rfind(b"\n") + 1
        return _shown(content[:end]), start + end

    def _from(self, training: Training, start: int) -> bytes:
        """Return the bytes of a log from a position on: those in the home, then those in the store."""
        name, content, size = f"{training.trial}-{training.replicate}.log", b"", 0
        with suppress(FileNotFoundError), (self._folder.logs / name).open("rb") as log:
            log.seek(start)
            content, size = log.read(), log.seek(0, 2)
        stored = self._stored.content(name) if self._stored is not None else b""
        return content + stored[max(0, start - size) :]


def _shown(content: bytes) -> str:
    """Return the lines of a log; of a program's progress bar only its end, as of one that Python prints."""
    return "\n".join(map(last_shown, content.decode(errors="replace").split("\n")))
