"""Errors that user code raised, in words and with the line that raised them."""

from __future__ import annotations

import traceback


def error_text(error: BaseException) -> str:
    """Return an error as Python prints it, without the stack."""
    return "".join(traceback.format_exception_only(error)).strip()


def with_line(text: str, error: BaseException) -> str:
    """Return a text about an error that was raised, followed by the line and file that raised it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{text} (line {last.lineno} of {last.filename})"
