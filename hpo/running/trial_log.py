"""What a training prints and logs, in one file per training.

A logging handler or a progress bar keeps the stream that it was made with, and a worker trains many
trials: the first training's handlers would write to a closed file in the second. So all trainings of a
worker print to one stream, which passes everything on to the log of the present one. In a process that
does nothing but train, the log has as well what its programs and C libraries write.
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Iterator
from typing import IO

from hpo.core.logging_handlers import handlers_removed
from hpo.core.visible_text import last_shown
from hpo.running import output_descriptors

LOGGER = "hpo.training"
"""Name of the logger that training functions use; its messages of level INFO and above are kept."""


class TrialLog(io.TextIOBase):
    """A stream that writes to the log of the present training, or to standard error between trainings.

    Args:
        whole_process: Whether this process does nothing but train, so that what is written to its file
            descriptors, by programs that a training starts for example, is a training's as well.
    """

    def __init__(self, whole_process: bool = False) -> None:
        self._whole_process = whole_process
        if whole_process:
            output_descriptors.write_by_line()
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
            with (
                self._descriptors(target),
                contextlib.redirect_stdout(self),
                contextlib.redirect_stderr(self),
                handlers_removed(),
            ):
                yield
        finally:
            self._pass_on(self._bar)
            self._bar = ""
            logger.removeHandler(self._handler)
            logger.propagate = propagates
            logger.setLevel(level)
            self._target = None

    def _descriptors(self, target: IO[str]) -> contextlib.AbstractContextManager[None]:
        if self._whole_process:
            return output_descriptors.sent_to(target.fileno())
        return contextlib.nullcontext()

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
            self._pass_on(last_shown(line) + "\n")
        self._bar = last_shown(self._bar)
        return len(text)

    def _pass_on(self, text: str) -> None:
        (self._target or sys.__stderr__ or io.StringIO()).write(text)

    def flush(self) -> None:
        """Flush the present log."""
        if self._target is not None:
            self._target.flush()
