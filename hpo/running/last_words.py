"""Says what a driver on a cluster cannot say itself when Ray ends it.

Ray ends a process whose node it has lost below Python: no exception is raised and no clean-up runs. A child
process therefore holds the reading end of a pipe whose writing end only the driver has. If the pipe closes
without a byte in it, the child prints a sentence to standard error and removes the session's folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from hpo.running.reaper import remove


class LastWords:
    """A child process that speaks for this one if it ends without a word.

    Args:
        sentence: What it prints then.
        folder: Session folder that it removes then.
    """

    def __init__(self, sentence: str, folder: Path):
        reading, self._pipe = os.pipe()
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "hpo.running.last_words", sentence, str(folder)],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(reading)

    def withhold(self) -> None:
        """End the child without its words, because this process can still say what is wrong."""
        with suppress(BrokenPipeError):  # somebody killed it
            os.write(self._pipe, b".")
        os.close(self._pipe)
        self._child.wait()


def main() -> None:
    """Wait for the pipe to close; speak if nothing came through it."""
    sentence, folder = sys.argv[1:]
    if not sys.stdin.buffer.read():
        sys.stderr.write(sentence + "\n")
        remove(Path(folder))


if __name__ == "__main__":
    main()
