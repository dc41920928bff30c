"""The amount spent of each kind of budget, limited or not."""

from hpo.core import events
from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.record import Recorded
from hpo.core.spending import BudgetUse, budget_use

SPEC = {"budget": {"trials": 4, "epochs": None, "hours": 2.0, "gpu_hours": 5.0}}


def told(*story):
    recorded = [Recorded(seq, time, event) for seq, (time, event) in enumerate(story, 1)]
    return History.of(recorded, Objective("accuracy"))


def test_gpus_are_counted_while_workers_hold_them():
    history = told(
        (0.0, events.SearchOpened(SPEC, "d", {}, {})),
        (900.0, events.WorkersReady(2, 1.0)),
        (4500.0, events.TrialStarted(0, 0, {}, {}, 1, "sampler")),
        (4500.0, events.Reported(0, 0, 1, {}, 1.0)),
        (90_000.0, events.SearchResumed({})),
        (90_900.0, events.WorkersReady(4, 0.5)),
        (92_700.0, events.SearchExtended(3)),
    )
    assert budget_use(history) == (
        BudgetUse("trials", 1, 7),
        BudgetUse("epochs", 1, None),
        BudgetUse("hours", 2.0, 2.0),
        BudgetUse("gpu_hours", 3.0, 5.0),
    )


def test_gpu_hours_are_not_shown_without_gpus():
    history = told((0.0, events.SearchOpened({"budget": {"trials": 1}}, "d", {}, {})))
    assert [each.unit for each in budget_use(history)] == ["trials", "epochs", "hours"]
