"""Applying requests of other processes to the search that this process runs."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from hpo.core.spending import EPOCHS, GPU_HOURS, HOURS
from hpo.ledger.requests import RETRY_TRIAL, STOP, STOP_TRIAL, Request, Requests
from hpo.ledger.store import SearchLedger
from hpo.running.conductor import Conductor
from hpo.running.ray_session import RaySession
from hpo.spec import SearchSpec
from hpo.use_cases.search import assembly
from hpo.use_cases.search.search_share import PRIORITY, WEIGHT

if TYPE_CHECKING:
    from hpo.running.ray_runner import RayRunner

POLL_SECONDS = 0.5
"""Seconds between two looks at the requests."""

AT_ONCE, TRIALS = "resources.trials_at_once", "budget.trials"
"""Fields that can be set while a search runs."""


BUDGETS, IN_SECONDS = (EPOCHS, HOURS, GPU_HOURS), (HOURS, GPU_HOURS)
"""Limits that can be set, and those whose request is in seconds, since its value is a whole number."""


class RequestInbox:
    """Takes up the requests that were left since this process began to run the search.

    Args:
        ledger: The search's record.
        handled: Number of the last request before that.
        spec: Its spec.
        session: The running Ray.
        conductor: Makes the decisions.
        stop: Called when the search is to stop.
    """

    def __init__(
        self,
        ledger: SearchLedger,
        handled: int,
        spec: SearchSpec,
        session: RaySession,
        conductor: Conductor,
        stop: Callable[[], object],
    ):
        self._requests = Requests(ledger)
        self._spec, self._session, self._conductor = spec, session, conductor
        self._stop = stop
        self._handled = handled
        self._next = 0.0

    def poll(self, runner: RayRunner) -> None:
        """Apply what was requested since the last call, unless that was a moment ago."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + POLL_SECONDS
        for request in self._requests.after(self._handled):
            self._handled = request.number
            self._apply(request, runner)

    def _apply(self, request: Request, runner: RayRunner) -> None:
        if request.field == STOP:
            self._stop()
        elif request.field == STOP_TRIAL:
            self._conductor.stop_trial(request.value, f"stopped by {request.user}")
        elif request.field == RETRY_TRIAL:
            self._conductor.retry_trial(request.value)
        elif request.field == TRIALS:
            self._conductor.set_trials(request.value)
        elif request.field in (PRIORITY, WEIGHT, *BUDGETS):
            value = request.value / 3600 if request.field in IN_SECONDS else request.value
            self._conductor.set(request.field, value, request.user)
        elif request.field == AT_ONCE:
            resources = self._spec.resources.model_copy(update={"trials_at_once": request.value})
            workers = assembly.workers_of(dataclasses.replace(self._spec, resources=resources), self._session)
            runner.limit_to(request.value if self._session.monitor else workers)
            self._conductor.workers_changed(runner.within_share(workers), resources.gpus)
