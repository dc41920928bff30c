"""What ``hpo list`` shows: a summary of every search of a home."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hpo.core.home import Home
from hpo.core.json_values import JsonObject, fields_of, jsonable
from hpo.core.objective import Objective
from hpo.core.search_summary import SearchSummary
from hpo.ledger.store import LedgerStore
from hpo.use_cases.search.holding import running_searches


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of ``hpo list``.

    Attributes:
        name: The search's name.
        status: ``running``, ``interrupted`` (its process died), or how it ended.
        trials: Trials started.
        best: Value of the best trial so far; NaN if there is none.
        opened: Unix seconds.
        objective: Metric and direction.
        test: Score of the winner on the test part; NaN while that is sealed.
        tags: The user's own labels.
        user: Who submitted it; empty if an early version did not record it.
        gpu_hours: Hours for which its workers held GPUs, times their number.
        cpu_hours: Hours of training times the CPUs of each.
        cost: What the GPU-hours cost; NaN if their price is not known.
    """

    name: str
    status: str
    trials: int
    best: float
    opened: float
    objective: Objective
    test: float = math.nan
    tags: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    gpu_hours: float = 0.0
    cpu_hours: float = 0.0
    cost: float = math.nan

    def to_json(self) -> JsonObject:
        """Return what the list shows, except objective, test score and tags, as a JSON value."""
        shown: JsonObject = jsonable(fields_of(self))
        keys = ("name", "status", "trials", "best", "opened", "user", "gpu_hours", "cpu_hours", "cost")
        return {key: shown[key] for key in keys}


def list_searches(home: Home, tags: Sequence[str] = (), price: float = math.nan) -> list[Summary]:
    """Return a summary of every search of a home, oldest first.

    Args:
        home: The home.
        tags: Only searches with all these tags: ``KEY`` with any value, or ``KEY=VALUE``.
        price: What an hour of a GPU costs; NaN if that is not known.
    """
    if not home.is_used:
        return []
    store = LedgerStore.of(home)
    try:
        found = store.summaries()
        unended = [name for name, summary in found if summary.status == "running"]
        running = running_searches(home, store, unended)
    finally:
        store.close()
    return [
        _summary(name, summary, price, idle=name in unended and name not in running)
        for name, summary in found
        if _tagged(summary.tags, tags)
    ]


def _tagged(labels: Mapping[str, str], tags: Sequence[str]) -> bool:
    conditions = (tag.partition("=") for tag in tags)
    return all(key in labels and (not equals or labels[key] == value) for key, equals, value in conditions)


def _summary(name: str, summary: SearchSummary, price: float, *, idle: bool) -> Summary:
    waits = "interrupted" if summary.begun else "submitted"
    return Summary(
        name=name,
        status=waits if idle else summary.status,
        trials=summary.trials,
        best=summary.best,
        opened=summary.opened,
        objective=summary.objective,
        test=summary.test,
        tags=summary.tags,
        user=summary.user,
        gpu_hours=summary.gpu_seconds / 3600,
        cpu_hours=summary.trained * summary.cpus / 3600,
        cost=summary.gpu_seconds / 3600 * price,
    )
