"""The sections with the record itself: all trials, and the account."""

from __future__ import annotations

import math

from hpo.core.formatting import NOTHING, STATES, count, plain, score
from hpo.core.visible_text import one_line
from hpo.reports.account import named_rows
from hpo.reports.page.blocks import DataTable, Entries, Section, TrialList
from hpo.reports.view import SearchView, TrialView

FIRST_ROWS = 200
"""Trials that are in the page as a table; further ones are data, which take a tenth of the space."""


def all_trials(view: SearchView) -> Section:
    """Return the section with a table of all trials, best first."""
    if not view.trials:
        return Section("trials", "All trials", "No trial has started.")
    names = [parameter.name for parameter in view.parameters]
    general = (
        "trial",
        "state",
        view.objective.metric,
        "fresh seeds",
        view.account.setting.unit + "s",
        "seconds",
    )
    rows = [_row(trial, names) for trial in view.ranked]
    table = DataTable((*general, *names), rows[:FIRST_ROWS])
    shown = f" (the first {FIRST_ROWS} as a table, the others with JavaScript or hpo trials --csv)"
    more = shown if len(rows) > FIRST_ROWS else ""
    sentence = f"{count(len(rows), 'trial')}, best first: fully trained, not fully trained, failed{more}."
    return Section(
        "trials", "All trials", sentence, [TrialList(table, rows[FIRST_ROWS:], f"{view.account.search}.csv")]
    )


def _row(trial: TrialView, names: list[str]) -> list[str]:
    state = STATES.get(trial.state, trial.state) + (
        f": {trial.cause.replace('_', ' ')}" if trial.cause else ""
    )
    fresh = score(trial.fresh) if math.isfinite(trial.fresh) else ""
    value = score(trial.value) if math.isfinite(trial.value) else NOTHING
    point = (one_line(plain(trial.point[name])) if name in trial.point else "" for name in names)
    return [str(trial.number), state, value, fresh, str(trial.epochs), f"{trial.seconds:.1f}", *point]


def whole_account(view: SearchView) -> Section:
    """Return the section with the account."""
    account = view.account
    sentence = (
        f"{count(account.comparisons.ranked, 'fully trained trial')} and "
        f"{count(account.comparisons.rungs, 'comparison')} at rungs led to the choice; sampler "
        f"{account.setting.sampler.name}, scheduler {account.setting.scheduler.name}."
    )
    return Section("account", "Account", sentence, [Entries(named_rows(account), "reproduce")])
