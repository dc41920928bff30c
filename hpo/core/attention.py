"""What a reader must know before the scores of a search: account, page, `best` and JSON begin with it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from hpo.core.baseline_comparison import Baselines
from hpo.core.estimates import ScoreEstimates
from hpo.core.formatting import missing_on, with_interval


def attention(numbers: ScoreEstimates | None, metric: str, baselines: Sequence[Baselines]) -> tuple[str, ...]:
    """Return what must be known before the scores, a sentence each.

    Args:
        numbers: The scores of a search; None without a winner.
        metric: The objective's metric.
        baselines: Simple models beside the winner, those of the test part last.
    """
    of_scores = (disagreement(numbers, metric), not_numbers(numbers, metric)) if numbers else ()
    return (*filter(None, of_scores), *_no_better(baselines))


def disagreement(numbers: ScoreEstimates, metric: str) -> str:
    """Return a warning if validation and test score differ by more than both intervals; else nothing."""
    validation, test = numbers.corrected or numbers.winner, (numbers.test or {}).get(metric)
    if validation is None or test is None or not (validation.bounded and test.bounded):
        return ""
    if test.low <= validation.high and validation.low <= test.high:
        return ""
    return (
        f"the validation score {metric} {with_interval(validation)} and the test score "
        f"{with_interval(test)} disagree by more than both intervals: compare the two parts (other classes, "
        "columns, units or times), look for groups or copies that training and validation rows share, and "
        "for a target that a column gives away"
    )


def not_numbers(numbers: ScoreEstimates, metric: str) -> str:
    """Return a warning if the test score, or some predictions behind it, are not numbers; else nothing."""
    scored = (numbers.test or {}).get(metric)
    if scored is None:
        return f"the objective's metric, {metric}, has no value on the test part" if numbers.test else ""
    if not math.isfinite(scored.value):
        reason = f": {scored.missing}" if scored.missing else ""
        return f"the test score {metric} is not a number{reason}"
    return missing_on("the test part", scored.missing)


def _no_better(baselines: Sequence[Baselines]) -> Iterator[str]:
    """Yield where the model answers one class, or is worse than a baseline."""
    for table in baselines:
        if table.constant:
            yield (
                f"on the {table.part} rows the model always answers one class, {table.constant!r}, whatever "
                "its inputs are"
            )
    for table in baselines[-1:]:
        better = [row for row in table.rows if row.beaten is False]
        if better:
            names = " and ".join(row.name for row in better)
            verb = "was" if len(better) == 1 else "were"
            yield f"on the {table.part} rows the model is worse than the {names}, which {verb} not searched"
