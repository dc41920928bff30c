"""The events of a search. The ledger is a list of them, from which everything else is derived.

A trial's own training is replicate 0; replicates 1, 2, ... train a finalist's recipe on fresh seeds, and
`hpo.core.fresh_seeds` defines the seed and fold of each. Times are Unix seconds by the writer's clock
and influence no decision.
"""

from __future__ import annotations

from hpo.core.detail_events import BaselinesScored, TestDescribed
from hpo.core.result_events import (
    FilesStored,
    FinalistsNamed,
    ModelFixed,
    RecipeExported,
    SoupMade,
    TestClaimed,
    TestPredicted,
    TestRefused,
    TestScored,
    WinnerNamed,
)
from hpo.core.search_events import (
    CodeChanged,
    JobSubmitted,
    LedgerRescued,
    SearchEnded,
    SearchExtended,
    SearchOpened,
    SearchResumed,
    SettingChanged,
    TrialsRetried,
    ValidationRowsUsed,
    Warned,
    WorkersReady,
)
from hpo.core.training_events import (
    Cause,
    Checkpointed,
    End,
    LossCause,
    PauseCause,
    Reported,
    TrialEnded,
    TrialPaused,
    TrialStarted,
    TrialTakenUp,
    WorkerLost,
)

__all__ = [
    "BY_ANOTHER_PROCESS",
    "BaselinesScored",
    "Cause",
    "Checkpointed",
    "CodeChanged",
    "End",
    "Event",
    "FilesStored",
    "FinalistsNamed",
    "JobSubmitted",
    "LedgerRescued",
    "LossCause",
    "ModelFixed",
    "PauseCause",
    "RecipeExported",
    "Reported",
    "SearchEnded",
    "SearchExtended",
    "SearchOpened",
    "SearchResumed",
    "SettingChanged",
    "SoupMade",
    "TestClaimed",
    "TestDescribed",
    "TestPredicted",
    "TestRefused",
    "TestScored",
    "TrialEnded",
    "TrialPaused",
    "TrialStarted",
    "TrialTakenUp",
    "TrialsRetried",
    "ValidationRowsUsed",
    "Warned",
    "WinnerNamed",
    "WorkerLost",
    "WorkersReady",
]

BY_ANOTHER_PROCESS = (
    TestClaimed,
    BaselinesScored,
    TestDescribed,
    TestScored,
    TestRefused,
    TestPredicted,
    SoupMade,
    LedgerRescued,
    CodeChanged,
    JobSubmitted,
)
"""Events written outside a running search, at a time or by a clock that says nothing of its duration."""

Event = (
    SearchOpened
    | SearchExtended
    | TrialsRetried
    | SearchResumed
    | JobSubmitted
    | SettingChanged
    | LedgerRescued
    | CodeChanged
    | ValidationRowsUsed
    | WorkersReady
    | TrialStarted
    | Reported
    | Checkpointed
    | WorkerLost
    | TrialPaused
    | TrialTakenUp
    | TrialEnded
    | FinalistsNamed
    | WinnerNamed
    | ModelFixed
    | TestClaimed
    | BaselinesScored
    | TestDescribed
    | TestScored
    | TestPredicted
    | TestRefused
    | RecipeExported
    | FilesStored
    | SoupMade
    | Warned
    | SearchEnded
)
