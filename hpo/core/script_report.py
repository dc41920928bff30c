"""`hpo.report`: how a script that a search runs by `command:` reports an epoch.

The protocol is open to any language. The environment variable ``HPO_REPORT`` names a pipe: one line of
JSON for each epoch, ``{"loss": 0.3}``. ``HPO_ANSWER`` names another: reading a line from it waits until
the epoch is on record, and until a paused comparison has been decided.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import SupportsFloat

Value = SupportsFloat | Sequence[SupportsFloat]
"""A number, or the value of every row; arrays and tensors are both."""

REPORT, ANSWER = "HPO_REPORT", "HPO_ANSWER"


def report(values: Mapping[str, Value] | None = None, /, **more: Value) -> None:
    """Report the end of an epoch; outside a search, print the values.

    Returns when the search has recorded the epoch. If the trial ends or is paused here, the script
    receives SIGTERM instead.

    Args:
        values: Metrics by name, each a number; a command that evaluates can give the value of every row.
        more: More metrics.

    Raises:
        TypeError: If a value is not a number or a list of numbers.
    """
    numbers = {name: _plain(name, value) for name, value in {**(values or {}), **more}.items()}
    reports, answers = os.environ.get(REPORT), os.environ.get(ANSWER)
    if not reports or not answers:
        print(" ".join(f"{name}={value}" for name, value in numbers.items()), flush=True)
        return
    with open(reports, "w", encoding="utf-8") as pipe:
        pipe.write(json.dumps(numbers) + "\n")
    with open(answers, encoding="utf-8") as pipe:
        pipe.readline()


def _plain(name: str, value: object) -> float | list[float]:
    as_list = getattr(value, "tolist", None)
    plain = as_list() if callable(as_list) else value
    try:
        if isinstance(plain, Sequence) and not isinstance(plain, str):
            return [float(item) for item in plain]
        return float(plain)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        kind = type(value).__name__
        raise TypeError(f"hpo.report: {name} is a {kind}; legal: a number, or a list of numbers") from None
