"""How trials are marked in every plot: by colour and by shape, so that neither is needed alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from markupsafe import Markup

from hpo.core.events import End
from hpo.core.formatting import STATES, score
from hpo.reports.page.svg import mark
from hpo.reports.view import SearchView, TrialView

LEGEND = (
    (mark("circle", 0, 0, "blue"), "fully trained"),
    (mark("ring", 0, 0, "grey"), "stopped early"),
    (mark("cross", 0, 0, "grey"), "failed"),
    (mark("diamond", 0, 0, "orange", size=5), "winner"),
)


def trial_mark(view: SearchView, trial: TrialView, x: float, y: float, *, titled: bool = True) -> Markup:
    """Return the mark of a trial at a position.

    Args:
        view: The search.
        trial: The trial.
        x: Position.
        y: Position.
        titled: Whether a pointer over it shows what it is.
    """
    title = trial_title(view, trial) if titled else ""
    if view.leader and trial.number == view.leader.number:
        return mark("diamond", x, y, "orange", title, 5.5)
    if trial.state == End.FAILED:
        return mark("cross", x, y, "grey", title, 3)
    if trial.finished:
        return mark("circle", x, y, "blue", title)
    return mark("ring", x, y, "grey", title, 3)


def trial_title(view: SearchView, trial: TrialView) -> str:
    """Return what a pointer over a trial shows."""
    state = STATES.get(trial.state, trial.state)
    return f"trial {trial.number}, {state}: {view.objective.metric} {score(trial.value)}"


def meanings(view: SearchView, trials: Iterable[TrialView]) -> list[tuple[Markup, str]]:
    """Return the legend of those marks that are drawn."""
    shown = set()
    leader = view.leader.number if view.leader else None
    for trial in trials:
        if trial.number == leader:
            shown.add("winner")
        elif trial.state == End.FAILED:
            shown.add("failed")
        else:
            shown.add("fully trained" if trial.finished else "stopped early")
    return _named(view, shown)


def _named(view: SearchView, shown: Collection[str]) -> list[tuple[Markup, str]]:
    words = {} if view.account.winner else {"winner": "best so far"}
    if view.unfinished:
        words["stopped early"] = "not fully trained"
    return [(drawn, words.get(meaning, meaning)) for drawn, meaning in LEGEND if meaning in shown]
