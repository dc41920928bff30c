"""What the record says about an error of a training: its cause, and the part that is of use to a reader."""

from __future__ import annotations

import traceback
from pathlib import Path

from hpo.core.errors import Refused, UserError
from hpo.core.events import Cause
from hpo.running.training_context import WrongWeights


class RankFailed(Exception):
    """Another process of the training failed with an error.

    Args:
        cause: Why.
        text: Its error, as `described` returns it.
    """

    def __init__(self, cause: Cause, text: str):
        super().__init__(text)
        self.cause = cause


class RankLost(Exception):
    """Another process of the training died, or did not answer."""


def cause_of(error: BaseException) -> Cause:
    """Return the cause of a failure by an error."""
    if isinstance(error, RankFailed):
        return error.cause
    out_of_memory = isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__
    if out_of_memory or "not enough memory" in str(error) or "CUDA out of memory" in str(error):
        return Cause.OUT_OF_MEMORY
    return Cause.CODE_ERROR


def described(error: BaseException) -> str:
    """Return an error with the traceback of the training's own code, without that of this service.

    An error that is written for users is one sentence and needs no traceback.
    """
    if isinstance(error, UserError | Refused | WrongWeights | RankFailed | RankLost):
        return str(error)
    this_package = str(Path(__file__).parent)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(this_package)]
    lines = "".join(traceback.format_list(frames)).rstrip()
    summary = "".join(traceback.format_exception_only(error)).rstrip()
    return f"{summary}\n{lines}" if lines else summary
