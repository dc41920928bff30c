"""What a training prints and logs, in one file per training.

A logging handler or a progress bar keeps the stream that it was made with, and a worker trains many
trials: the first training's handlers would write to a closed file in the second. So all trainings of a
worker print to one stream, which passes everything on to the log of the present one.
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Iterator
from typing import IO

LOGGER = "hpo.training"
"""Name of the logger that training functions use; its messages of level INFO and above are kept."""


class TrialLog(io.TextIOBase):
    """A stream that writes to the log of the present training, or to standard error between trainings."""

    def __init__(self) -> None:
        self._target: IO[str] | None = None
        self._bar = ""  # the present line of a progress bar, which is written when the line ends
        self._handler = logging.StreamHandler(self)
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))

    @contextlib.contextmanager
    def of(self, target: IO[str]) -> Iterator[None]:
        """Send standard output, standard error and the training's logger to a file inside."""
        logger = logging.getLogger(LOGGER)
        propagates, level = logger.propagate, logger.level
        self._target = target
        logger.addHandler(self._handler)
        logger.propagate = False
        logger.setLevel(logging.INFO)
        try:
            with contextlib.redirect_stdout(self), contextlib.redirect_stderr(self):
                yield
        finally:
            self._pass_on(self._bar)
            self._bar = ""
            logger.removeHandler(self._handler)
            logger.propagate = propagates
            logger.setLevel(level)
            self._target = None

    def writable(self) -> bool:
        """Return True: it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Write to the present log; of a line that is overwritten, as a progress bar is, only its end."""
        if "\r" not in text and not self._bar:
            self._pass_on(text)
            return len(text)
        *lines, self._bar = (self._bar + text).split("\n")
        for line in lines:
            self._pass_on(_last(line) + "\n")
        self._bar = _last(self._bar)
        return len(text)

    def _pass_on(self, text: str) -> None:
        (self._target or sys.__stderr__ or io.StringIO()).write(text)

    def flush(self) -> None:
        """Flush the present log."""
        if self._target is not None:
            self._target.flush()


def _last(line: str) -> str:
    """Return what a line shows after its carriage returns."""
    return next((part for part in reversed(line.split("\r")) if part), "")
