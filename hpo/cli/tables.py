"""Tables and the last word of a search, as a person reads them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hpo.cli.formatting import choices, count, number, plain, spread
from hpo.core.history import History
from hpo.core.outcome import Outcome, WinnerSummary
from hpo.core.progress import SearchProgress
from hpo.core.recipe import Recipe
from hpo.core.spending import BudgetUse

if TYPE_CHECKING:
    from rich.table import Table


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table without lines, as wide as its content."""
    from rich.table import Table

    table = Table(*head, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*row)
    return table


def pairs(rows: Iterable[tuple[str, str]]) -> Table:
    """Names and what is to be said of each."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, text in rows:
        table.add_row(name, text)
    return table


def summary(outcome: Outcome, ui: str) -> Iterator[tuple[str, str]]:
    """What a search ended in, line by line.

    Args:
        outcome: How the search stands.
        ui: What to type to look at it.
    """
    yield "search", f"{outcome.search}: {outcome.status.replace('_', ' ')}" + _because(outcome.reason)
    yield "trials", ", ".join(f"{number} {state}" for state, number in outcome.trials.items())
    if outcome.spent:
        yield "spent", ", ".join(map(_spent, outcome.spent))
    if outcome.saved:
        yield "saved", outcome.saved
    best = outcome.best
    if best is None:
        return
    yield "winner" if best.n else "best so far", f"trial {best.trial}"
    yield "because", best.reason
    yield "chosen", choices(best.point)
    over = f" (mean ± standard deviation over {count(best.n, 'fresh seed')})" if best.n else ""
    yield from _lucky(outcome)
    ends = _ends(outcome.numbers["winner"]) if outcome.numbers else ""
    yield (
        "validation",
        f"{outcome.metric} {spread(best.mean, best.std)}{over}" + (f", {ends}" if ends else ""),
    )
    if not best.n:
        return
    if outcome.model and outcome.model["kind"] != "best":
        yield "model", f"{outcome.model['kind']}: {outcome.model['reason']}"
    yield from _test(outcome)
    if outcome.recipe_path:
        yield "written to", outcome.recipe_path
    yield "look at it", ui


def _lucky(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """The best single score and what is left of it, above the number that is to be believed."""
    numbers = outcome.numbers
    if not numbers:
        return
    raw, fresh, bootstrap = numbers["raw"], numbers["fresh"], numbers["bootstrap"]
    yield (
        "best score",
        f"{outcome.metric} {raw['value']:.4f} by trial {raw['trial']}, once: the luckiest score",
    )
    left = []
    if fresh:
        left.append(f"{fresh['value']:.4f} by fresh seeds" + (f" ({ends})" if (ends := _ends(fresh)) else ""))
    if bootstrap is not None:
        left.append(f"{bootstrap:.4f} by a bootstrap over trials")
    if left:
        yield "less luck", f"{outcome.metric} {', '.join(left)}"


def _ends(found: Mapping[str, Any] | None) -> str:
    """The interval of a number; empty where it has none."""
    low, high = (found["low"], found["high"]) if found else (None, None)
    known = low is not None and high is not None and math.isfinite(low) and math.isfinite(high)
    return f"95 % interval {low:.4f} to {high:.4f}" if known else ""


def with_best_so_far(outcome: Outcome, history: History) -> Outcome:
    """The outcome with the leading trial in the winner's place, as long as there is no winner."""
    leader = history.best
    if outcome.best or leader is None:
        return outcome
    reason = "the best by its own training alone, not yet trained on fresh seeds"
    so_far = WinnerSummary(leader.trial, leader.recipe, leader.value, math.nan, 0, reason, leader.point)
    return dataclasses.replace(outcome, best=so_far)


def _spent(used: BudgetUse) -> str:
    unit = used.unit.replace("gpu_hours", "GPU-hours")
    return number(used.spent) + (f" of {number(used.limit)}" if used.limit is not None else "") + f" {unit}"


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""


def _test(outcome: Outcome) -> Iterator[tuple[str, str]]:
    if outcome.test is None and outcome.test_refused:
        yield "test", outcome.test_refused["message"]
        return
    if outcome.test is None and outcome.claimed:
        yield "test", "claimed, not scored: a resumed search finishes that very claim"
        return
    if outcome.test is None:
        yield "test", f"still sealed; `hpo test {outcome.search}` opens it, once"
        return
    practice = " (practice data: no scientific claim)" if outcome.practice else ""
    examples = f" over {count(outcome.test_examples, 'test example')}{practice}"
    if outcome.overlap:
        examples += f"; {count(outcome.overlap, 'training row')} also in the test part"
    if outcome.look > 1:
        examples += f"; look number {outcome.look} at this test data, the interval is widened for it"
    for name, score in sorted(outcome.test.items(), key=lambda item: item[0] != outcome.metric):
        interval = f"95 % interval {score['low']:.4f} to {score['high']:.4f}"
        yield "test", f"{name} {score['value']:.4f}, {interval}{examples if name == outcome.metric else ''}"


def standing(progress: SearchProgress) -> dict[str, Any]:
    """How far a search is, as a JSON value in which everything has a name."""
    return {
        **dataclasses.asdict(progress),
        "best": {"trial": progress.best[0], "value": progress.best[1]} if progress.best else None,
        "rungs": [{"epoch": epoch, "trials": trials} for epoch, trials in progress.rungs],
        "finalists": [{"trial": trial, "n": n, "mean": mean} for trial, n, mean in progress.finalists],
    }


def recipe_lines(recipe: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every choice of a recipe under its dotted name."""
    for name, value in Recipe(recipe).flat().items():
        yield name, plain(value)
