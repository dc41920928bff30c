"""Numbers, durations, budgets and choices as a person reads them, the same on every page."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hpo.core.estimates import ScoreInterval
from hpo.core.json_values import RecipeFields
from hpo.core.visible_text import one_line

if TYPE_CHECKING:  # it needs all events, which every process that reads data would import
    from hpo.core.spending import BudgetUse

NOTHING = "-"
"""In place of a value that does not exist: missing, NaN or infinite."""

NO_INTERVAL = "no interval"
"""With what the method of a score begins that has no interval."""

DIGITS = 4
"""Significant digits of a score."""

MOST_DIGITS = 6
"""Significant digits that no value exceeds; only counts are shown in full."""

LARGE = 10.0**MOST_DIGITS
COUNTS = 1e15
"""Size up to which a whole number is a count."""

CLOSE = 1.5
"""Two estimates that differ by a smaller factor are shown as one."""

NOT_A_TEXT = re.compile(r"|true|false|null|~|[-+]?[.\d].*")
"""Texts that YAML would read as another value, or perhaps, unless they are quoted."""

STATES = {"stopped": "stopped early"}
"""Words for states of trials, not of searches: a search that was stopped is not a trial stopped early."""

TAKEN_UP = {
    "rung": "it is now among the best of its rung",
    "finalists": "too few trials are fully trained to be finalists",
    "share": "its search may hold more workers again",
}
"""Why a paused trial continues, by the cause on record."""

LOSSES = {
    "preempted": "leaves a node that is being drained",
    "node_lost": "lost its node",
    "node_fault": "met a fault of its node",
    "worker_lost": "lost its worker",
    "out_of_memory": "lost its worker, because memory ran out,",
}
"""What a training went through before it continued on another worker, by the cause on record."""


def interruptions(causes: Sequence[str]) -> str:
    """Causes of lost workers with how often each occurred: ``preempted, 2 x node lost``."""
    counts = {cause: sum(other == cause for other in causes) for cause in causes}
    words = (f"{times} x {cause}" if times > 1 else cause for cause, times in counts.items())
    return ", ".join(words).replace("_", " ")


TAKEN_UP_OFTEN = {
    "rung": "they rose among the best of their rung",
    "finalists": "too few trials were fully trained to be finalists",
}
"""The same of several trials."""
TAKEN_UP_ONCE = {**TAKEN_UP_OFTEN, "rung": "it rose among the best of its rung"}
"""The same of one."""

REASON_WORDS = {
    "practice": "near usual values",
    "model": "by its model",
    "exploration": "to explore",
    "earlier": "by earlier searches",
    "random": "at random",
    "sequence": "of its sequence",
    "grid": "of the grid",
}
"""Why the sampler proposed trials, by the reason on record."""


def number(value: float | None, digits: int = DIGITS) -> str:
    """Return a value with a few significant digits; a dash for a value that does not exist."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NOTHING
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < COUNTS):
        return f"{int(value):,}"
    if abs(value) < 1000:
        return f"{value:.{digits}g}"
    return f"{value:,.{min(1, _room(value))}f}" if abs(value) < LARGE else f"{value:.{MOST_DIGITS}g}"


def score(value: float | None) -> str:
    """Return a metric's value with four significant digits, final zeros included; whole numbers up to six."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value and abs(value) < 1e-4:
        return f"{value:.{DIGITS - 1}e}"
    return f"{value:,.{_decimals(value)}f}" if abs(value) < LARGE else f"{value:.{MOST_DIGITS}g}"


def signed(difference: float, to: float) -> str:
    """Return a difference with its sign and the decimals of a score; a dash for one that does not exist."""
    if not math.isfinite(difference):
        return NOTHING
    return f"{'-' if difference < 0 else '+'}{_aligned(abs(difference), to)}"


def spread(mean: float, std: float) -> str:
    """Mean ± standard deviation with the same decimals; the mean alone if there is no deviation."""
    if not math.isfinite(mean) or not math.isfinite(std):
        return score(mean)
    return f"{score(mean)} ± {_aligned(std, mean)}"


def with_interval(interval: ScoreInterval) -> str:
    """Return a score with its 95 % interval, or the score alone."""
    ends = interval_text(interval)
    return score(interval.value) + (f" ({ends})" if ends else "")


def missing_on(part: str, missing: str) -> str:
    """Return a warning about predictions that are NaN although the scores are not; nothing without any.

    >>> missing_on("the test part", "3 of 36 predictions are not numbers")
    '3 of 36 predictions are not numbers on the test part; the scores are what the trainable makes of them'
    """
    return f"{missing} on {part}; the scores are what the trainable makes of them" if missing else ""


def interval_text(interval: ScoreInterval | None) -> str:
    """``95 % interval 0.8800 to 0.9500``, ``no interval`` if the record says so, or nothing."""
    if interval is None or not interval.bounded:
        return NO_INTERVAL if interval and interval.method.startswith(NO_INTERVAL) else ""
    low, high = (_aligned(end, interval.value) for end in (interval.low, interval.high))
    return f"95 % interval {low} to {high}"


def _aligned(value: float, to: float) -> str:
    """Return a value with the decimals of another one, and no more than six significant digits."""
    if abs(value) >= LARGE or (to and abs(to) < 1e-4):
        return score(value)
    return f"{value:,.{min(_decimals(to), _room(value))}f}"


def _decimals(value: float) -> int:
    return max(0, DIGITS - _before_point(value))


def _room(value: float) -> int:
    """Decimals up to which a value has no more than six significant digits."""
    return max(0, MOST_DIGITS - max(0, _before_point(value)))


def _before_point(value: float) -> int:
    """Digits before the decimal point; negative for zeros after it."""
    return math.floor(math.log10(abs(value))) + 1 if value and math.isfinite(value) else 0


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, in two units at most."""
    if not math.isfinite(seconds):
        return NOTHING
    whole = round(max(0.0, seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def time_left(low: float, high: float) -> str:
    """Return how long something still takes: one duration, or two if they are far apart; empty if unknown."""
    if not math.isfinite(low):
        return ""
    if high < 1:
        return "longer than estimated"
    if low < 1:
        return f"less than {duration(high)} to go"
    if high <= max(CLOSE * low, low + 1):
        return f"about {duration((low + high) / 2)} to go"
    return f"about {duration(low)} to {duration(high)} to go"


def size(amount: int) -> str:
    """Return a number of bytes in the unit that suits it."""
    value, unit = float(amount), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.3g} {unit}"


def count(amount: int, noun: str) -> str:
    """``1 trial``, ``2 trials``."""
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"


def spent(budget: Sequence[BudgetUse], *, shares: bool = False) -> str:
    """Return what is spent of each kind of budget, on one line.

    Args:
        budget: What is spent and what is allowed.
        shares: Whether to add percentages of what is allowed.
    """
    return ", ".join(_spent(use, shares) for use in budget)


def _spent(use: BudgetUse, shares: bool) -> str:
    share = f" ({use.spent / use.limit:.0%})".replace("%", " %") if shares and use.limit else ""
    if use.unit in ("hours", "gpu_hours"):
        limit = f" of {duration(use.limit * 3600)}" if use.limit is not None else ""
        kind = "GPU time " if use.unit == "gpu_hours" else ""
        return f"{kind}{duration(use.spent * 3600)}{limit}{share}"
    noun = use.unit.removesuffix("s")
    if use.limit is None:
        return count(int(use.spent), noun)
    return f"{number(use.spent)} of {count(int(use.limit), noun)}{share}"


def states(numbers: Mapping[str, int]) -> str:
    """Return how many trials are in each state, on one line; empty if there are no trials."""
    return ", ".join(f"{amount:,} {STATES.get(state, state)}" for state, amount in numbers.items() if amount)


def reasons(numbers: Mapping[str, int]) -> str:
    """Return how many trials the sampler proposed for which reason."""
    return ", ".join(f"{n:,} {REASON_WORDS.get(reason, reason)}" for reason, n in numbers.items())


def pauses(numbers: Mapping[str, int]) -> str:
    """Return how often trials were paused, and why they were taken up again."""
    paused = f"{numbers.get('paused', 0):,} paused"
    again = [
        f"{numbers[cause]:,} taken up again, because {words if numbers[cause] > 1 else TAKEN_UP_ONCE[cause]}"
        for cause, words in TAKEN_UP_OFTEN.items()
        if numbers.get(cause)
    ]
    return "; ".join((paused, *again))


def choices(point: RecipeFields, most: int | None = None) -> str:
    """Return the values of a point or a flat recipe, on one line.

    Args:
        point: Names and values.
        most: Number of values that are shown; the others are counted. None shows all of them.
    """
    texts = [one_line(f"{name}={plain(value)}") for name, value in point.items()]
    shown = texts if most is None or len(texts) <= most else [*texts[:most], f"and {len(texts) - most} more"]
    return " ".join(shown)


def literal(value: Any) -> str:
    """One value in full, as a message quotes it: ``'relu'``, ``true``, ``null``, ``[1, 2.5]``."""
    if isinstance(value, bool) or value is None:
        return plain(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {literal(item)}" for name, item in value.items()) + "}"
    return repr(value)


def plain(value: Any) -> str:
    """One value of a recipe, as YAML would write it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(plain(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {plain(item)}" for name, item in value.items()) + "}"
    text = str(value)
    return json.dumps(text) if isinstance(value, str) and NOT_A_TEXT.fullmatch(text) else text
