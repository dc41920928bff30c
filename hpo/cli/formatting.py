"""Numbers, durations and choices as a person reads them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

NOTHING = "-"


def number(value: float | None, digits: int = 4) -> str:
    """A value with a few digits; a dash where there is none."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NOTHING
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:,.1f}"


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, two units at most."""
    if not math.isfinite(seconds):
        return NOTHING
    whole = round(max(0.0, seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def count(amount: int, noun: str) -> str:
    """``1 trial``, ``2 trials``."""
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"


def choices(point: Mapping[str, Any]) -> str:
    """The values of a point or a flat recipe, on one line."""
    return " ".join(f"{name}={plain(value)}" for name, value in point.items())


def plain(value: Any) -> str:
    """One value of a recipe, as YAML would write it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(plain(each) for each in value) + "]"
    return str(value)


def spread(mean: float, std: float) -> str:
    """Mean ± standard deviation; the mean alone where there is no spread."""
    return f"{mean:.4f} ± {std:.4f}" if math.isfinite(std) else f"{mean:.4f}"


def jsonable(value: Any) -> Any:
    """The value with numbers that JSON does not have (NaN, infinite) as null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): jsonable(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [jsonable(each) for each in value]
    return value
