"""Nodes that do not see the home are given copies of what it holds, once there is such a node.

Each node is first checked as one that sees the home. If it does not, data and code are put into the store,
once for the search and beside its loop, and the node is checked again as one that fetches them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hpo.core.errors import HpoError
from hpo.running.environment import TrainingEnvironment
from hpo.running.node_check import FilesComing
from hpo.running.node_faults import UNSEEN

FETCHING = 1800.0
"""Seconds in which a node has to fetch data and code and pass its checks."""


class Supply:
    """The environment of a search's trainings, and its copy in the store once a node needs one.

    Args:
        environment: What all trainings have in common.

    Attributes:
        environment: The same, with the copy as soon as it is ready.
        begun: Called once, before the first upload.
    """

    begun: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, environment: TrainingEnvironment):
        self.plain = self.environment = environment
        self._uploading: threading.Thread | None = None
        self._error = ""

    @property
    def possible(self) -> bool:
        """Whether there is a store."""
        return self.plain.copy is not None

    def ready(self) -> bool:
        """Return whether the copy is in the store; begins to put it there, or begins again after a failure.

        Raises:
            HpoError: If the last attempt has failed.
        """
        copy = self.environment.copy
        if copy is not None and copy.ready:
            return True
        if self._uploading is None:
            self.begun()
            self.begun = lambda: None
            self._uploading = threading.Thread(target=self._upload, daemon=True)
            self._uploading.start()
        elif not self._uploading.is_alive() and self._error:
            error, self._error, self._uploading = self._error, "", None
            raise HpoError(error)
        return False

    def _upload(self) -> None:
        copy = self.plain.copy
        assert copy is not None
        try:
            self.plain.files.share()  # from now on checkpoints get there; those before it are copied
            ready = copy.uploaded(self.plain.folder)
        except Exception as error:  # a thread that ended without a word would be waited for
            self._error = str(error) or type(error).__name__
            return
        self.environment = replace(self.plain, copy=ready)


@dataclass
class _Check:
    node: str
    result: Any
    fault: str = ""
    began: float | None = None


class SuppliedChecks:
    """Checks of nodes, repeated with copies for those that do not see the home.

    Args:
        start: Starts the check of a node, by its id, in an environment; returns something to poll.
        poll: Returns the fault that a check found, or None while it runs.
        supply: The copies.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        start: Callable[[str, TrainingEnvironment], Any],
        poll: Callable[[Any], str | None],
        supply: Supply,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._start, self._poll, self._supply, self._clock = start, poll, supply, clock

    def start(self, node: str) -> _Check:
        """Start the check of a node, by its id."""
        return _Check(node, self._start(node, self._supply.plain))

    def poll(self, check: _Check) -> str | None:
        """Return the fault that a check found, or None while it runs.

        Raises:
            FilesComing: While data and code are on their way to the node.
        """
        if not check.fault:
            fault = self._poll(check.result)
            if fault is None or not (fault.startswith(UNSEEN) and self._supply.possible):
                return fault
            check.fault = fault
        return self._supplied(check)

    def _supplied(self, check: _Check) -> str:
        if check.began is None:
            try:
                if not self._supply.ready():
                    raise FilesComing
            except HpoError as error:
                return f"{check.fault}, and {error}"
            check.began = self._clock()
            check.result = self._start(check.node, self._supply.environment)
        fault = self._poll(check.result)
        if fault is not None:
            return fault
        if self._clock() - check.began > FETCHING:
            return f"{check.fault}, and has not fetched data and code within {FETCHING:g} s"
        raise FilesComing
