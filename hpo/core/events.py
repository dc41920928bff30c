"""The events of a search. The ledger is a list of them, from which everything else is derived.

A trial's own training is replicate 0; replicates 1, 2, ... train a finalist's recipe on fresh seeds, and
`hpo.core.fresh_seeds` defines the seed and fold of each. Times are Unix seconds by the writer's clock
and influence no decision.
"""

from __future__ import annotations

from hpo.core.result_events import (
    FinalistsNamed,
    ModelFixed,
    RecipeExported,
    TestClaimed,
    TestRefused,
    TestScored,
    WinnerNamed,
)
from hpo.core.search_events import (
    SearchEnded,
    SearchExtended,
    SearchOpened,
    SearchResumed,
    Warned,
    WorkersReady,
)
from hpo.core.training_events import Cause, Checkpointed, End, Reported, TrialEnded, TrialStarted, WorkerLost

__all__ = [
    "BY_THE_EVALUATOR",
    "Cause",
    "Checkpointed",
    "End",
    "Event",
    "FinalistsNamed",
    "ModelFixed",
    "RecipeExported",
    "Reported",
    "SearchEnded",
    "SearchExtended",
    "SearchOpened",
    "SearchResumed",
    "TestClaimed",
    "TestRefused",
    "TestScored",
    "TrialEnded",
    "TrialStarted",
    "Warned",
    "WinnerNamed",
    "WorkerLost",
    "WorkersReady",
]

BY_THE_EVALUATOR = (TestClaimed, TestScored, TestRefused)
"""Events written by the evaluator's process, whose clock may differ from that of the search."""

Event = (
    SearchOpened
    | SearchExtended
    | SearchResumed
    | WorkersReady
    | TrialStarted
    | Reported
    | Checkpointed
    | WorkerLost
    | TrialEnded
    | FinalistsNamed
    | WinnerNamed
    | ModelFixed
    | TestClaimed
    | TestScored
    | TestRefused
    | RecipeExported
    | Warned
    | SearchEnded
)
