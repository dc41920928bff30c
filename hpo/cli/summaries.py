"""How a search ended, line by line, and how far it is, as JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from hpo.cli.session import Session
from hpo.core.formatting import choices, count, interval_text, score, spent, spread, states, with_interval
from hpo.core.history import History
from hpo.core.json_values import JsonObject, fields_of, jsonable
from hpo.core.outcome import Outcome, WinnerSummary
from hpo.core.progress import SearchProgress
from hpo.reports.baseline_rows import beside


def summary(outcome: Outcome, ui: str) -> Iterator[tuple[str, str]]:
    """Yield how a search ended, line by line.

    Args:
        outcome: How the search stands.
        ui: Command that opens MLflow's UI on it.
    """
    reason = f" ({outcome.reason})" if outcome.reason else ""
    yield "search", f"{outcome.search}: {outcome.status.replace('_', ' ')}{reason}"
    yield "trials", states(outcome.trials) or "none"
    if outcome.spent:
        yield "spent", spent(outcome.spent)
    if outcome.saved:
        yield "saved", outcome.saved
    yield from result(outcome)
    if outcome.best and outcome.best.n:
        yield "look at it", ui


def where_to_look(session: Session, search: str) -> str:
    """Return the address of a search's page on a tracking server, or else the command that opens MLflow."""
    from hpo.use_cases.inspect import server_page

    return server_page(search, session.home) or session.command("ui")


def result(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Yield the winner with its scores, or the best trial so far; nothing if there is neither."""
    best = outcome.best
    if best is None:
        return
    for warning in outcome.attention:
        yield "attention", warning
    yield "winner" if best.n else "best so far", f"trial {best.trial}"
    yield "because", best.reason
    yield "chosen", choices(best.point)
    if outcome.constraints:
        yield "constraints", outcome.constraints.text
    yield from _validation(outcome, best)
    if not best.n:
        return
    if outcome.model and outcome.model.kind != "best":
        yield "model", f"{outcome.model.kind}: {outcome.model.reason}"
    yield from _test(outcome)
    for table in outcome.baselines[-1:]:
        if text := beside(table):
            yield "baselines", f"{table.part}: {text}"
    if outcome.recipe_path:
        yield "written to", outcome.recipe_path


def _validation(outcome: Outcome, best: WinnerSummary) -> Iterator[tuple[str, str]]:
    value = f"{outcome.metric} {spread(best.mean, best.std)}"
    if not best.n:
        yield "validation", value
        return
    deviation = "mean ± standard deviation over" if math.isfinite(best.std) else "on"
    seeds = f"{deviation} {count(best.n, 'fresh seed')}"
    numbers = outcome.numbers
    if numbers and numbers.corrected:
        yield "validation", f"{outcome.metric} {with_interval(numbers.corrected)}, corrected for selection"
        yield "", f"before: {value} ({seeds})"
    else:
        ends = interval_text(numbers.winner) if numbers else ""
        yield "validation", f"{value} ({seeds}{f'; {ends}' if ends else ''})"
    yield from _luck(outcome)


def _luck(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Yield how much of the best single score was luck, in one sentence."""
    numbers = outcome.numbers
    if numbers is None:
        return
    raw = f"the best single score was {score(numbers.raw.value)} (trial {numbers.raw.trial})"
    estimates = []
    if numbers.corrected and outcome.best and outcome.best.trial == numbers.raw.trial:
        estimates.append("the corrected score above")
    elif numbers.fresh:
        estimates.append(f"{with_interval(numbers.fresh)} by its fresh seeds")
    if numbers.bootstrap is not None:
        estimates.append(f"{score(numbers.bootstrap)} by a bootstrap over trials")
    without = f"; without its luck that trial has {' or '.join(estimates)}" if estimates else ""
    yield "luck", f"{raw}{without}"


def with_best_so_far(outcome: Outcome, history: History) -> Outcome:
    """Return the outcome with the leading trial as its best one, as long as there is no winner."""
    leader = history.best
    if outcome.best or leader is None:
        return outcome
    reason = "the best by its own training alone, not yet trained on fresh seeds"
    so_far = WinnerSummary(leader.trial, leader.recipe, leader.value, math.nan, 0, reason, leader.point)
    return dataclasses.replace(outcome, best=so_far)


def _test(outcome: Outcome) -> Iterator[tuple[str, str]]:
    if outcome.test is None:
        yield "test", _why_no_score(outcome)
        return
    practice = " (practice data: no scientific claim)" if outcome.practice else ""
    examples = f" over {count(outcome.test_examples, 'test example')}{practice}"
    if outcome.overlap:
        examples += f"; {count(outcome.overlap, 'training row')} also in the test part"
    if outcome.look > 1:
        examples += f"; look number {outcome.look} at this test data, the interval is widened for it"
    ordered = sorted(outcome.test.items(), key=lambda item: item[0] != outcome.metric)
    for row, (name, value) in enumerate(ordered):
        ends = f", {interval}" if (interval := interval_text(value)) else ""
        yield "" if row else "test", f"{name} {score(value.value)}{ends}{'' if row else examples}"


def _why_no_score(outcome: Outcome) -> str:
    if outcome.test_refused:
        return outcome.test_refused.message
    if outcome.claimed:
        return f"opened, but not scored; `hpo resume {outcome.search}` finishes this opening"
    if not outcome.has_test:
        return "not measured: the data has no test part"
    return f"still sealed; `hpo test {outcome.search}` opens it, once"


def progress_json(progress: SearchProgress) -> JsonObject:
    """Return how far a search is, as a JSON value in which everything has a name."""
    return {
        **fields_of(progress),
        "best": {"trial": progress.best[0], "value": progress.best[1]} if progress.best else None,
        "rungs": [{"epoch": epoch, "trials": trials} for epoch, trials in progress.rungs],
        "finalists": [{"trial": trial, "n": n, "mean": mean} for trial, n, mean in progress.finalists],
        "budget": [fields_of(use) for use in progress.budget],
        "constraints": jsonable(progress.constraints),
    }
