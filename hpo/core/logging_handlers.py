"""Logging handlers that training code adds: a process trains many recipes, and each would add them again.

A line would then be in the log as often as the process has trained. What a module adds while it is imported,
and what an installed library adds, is added once for the whole process and stays.
"""

from __future__ import annotations

import logging
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from sys import _getframe
from types import FrameType

IMPORTING = "<frozen importlib._bootstrap>"
"""File of the frame below everything that runs while a module is imported."""

LIBRARIES = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))


@contextmanager
def handlers_removed() -> Iterator[None]:
    """Remove, when the block ends, the handlers that functions of the user's own code added in it."""
    added: list[tuple[logging.Logger, logging.Handler]] = []
    add_handler = logging.Logger.addHandler

    def noted(logger: logging.Logger, hdlr: logging.Handler) -> None:
        new = hdlr not in logger.handlers
        add_handler(logger, hdlr)
        if new and _is_for_a_training(_getframe(1)):
            added.append((logger, hdlr))

    logging.Logger.addHandler = noted  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        logging.Logger.addHandler = add_handler  # type: ignore[method-assign]
        for logger, handler in added:
            logger.removeHandler(handler)


def _is_for_a_training(frame: FrameType | None) -> bool:
    """Return whether a frame, past those of `logging`, is of the user's own code and imports nothing."""
    while frame is not None and frame.f_code.co_filename == logging.__file__:
        frame = frame.f_back
    if frame is None or frame.f_code.co_filename.startswith(LIBRARIES):
        return False
    while frame is not None and frame.f_code.co_filename != IMPORTING:
        frame = frame.f_back
    return frame is None
