"""Samplers that know constraints propose points that satisfy them."""

import pytest

from hpo.core.constraints import Constraint
from hpo.core.events import Cause, End
from hpo.core.space import Choice, Integer, Parameter, Space, Uniform
from hpo.sampling.auto import AutoSearcher
from hpo.sampling.optuna_searcher import OptunaSearcher

SPACE = Space(
    (
        Parameter("width", Integer(8, 4096, log=True)),
        Parameter("depth", Integer(1, 6)),
        Parameter("learning_rate", Uniform(1e-4, 1.0, log=True)),
        Parameter("activation", Choice(("relu", "gelu"))),
    )
)
NUMERIC = Space(SPACE.parameters[:3])
SMALL = Constraint("parameters", at_most=1e5)
SEARCHERS = {
    "auto": lambda: AutoSearcher(SPACE, "max", 0, (1, 3), 9),
    "tpe": lambda: OptunaSearcher(SPACE, "max", 0, "tpe"),
    "gp": lambda: OptunaSearcher(NUMERIC, "max", 0, "gp", {"n_startup_trials": 3}),
}


def search(searcher, trials, told=True):
    """Run trials whose value rises with their size; return which of them were small enough."""
    kept = []
    for trial in range(trials):
        point = searcher.ask(trial)
        size = 64.0 * point["width"] + point["depth"] * point["width"] ** 2
        excess = SMALL.excess({"parameters": size})
        searcher.started(trial, point)
        searcher.report(trial, 1, size**0.1)
        excesses = {"parameters": excess} if told else {}
        searcher.limited(trial, excesses)
        if excess > 0 and not isinstance(searcher, OptunaSearcher):
            searcher.tell(trial, End.STOPPED, size**0.1, Cause.CONSTRAINT)
        else:
            searcher.report(trial, 9, size**0.1)
            searcher.limited(trial, excesses)
            searcher.tell(trial, End.FINISHED, size**0.1)
        kept.append(excess <= 0)
    return kept


@pytest.mark.parametrize("name", ["auto", "tpe"])
def test_most_late_proposals_satisfy_a_constraint_although_larger_is_better(name):
    share = sum(search(SEARCHERS[name](), 50)[-25:]) / 25
    untold = sum(search(SEARCHERS[name](), 50, told=False)[-25:]) / 25
    assert share >= 0.4
    assert share >= untold + 0.3, (share, untold)


def test_constraints_that_are_always_satisfied_change_no_proposal_of_the_first_trials():
    free, limited = SEARCHERS["auto"](), SEARCHERS["auto"]()
    for trial in range(3):
        point = free.ask(trial)
        assert limited.ask(trial) == point
        for searcher in (free, limited):
            searcher.started(trial, point)
            searcher.report(trial, 1, 0.5)
        limited.limited(trial, {"parameters": -1.0})


def test_optunas_gaussian_process_gets_the_constraints_of_complete_trials():
    searcher = SEARCHERS["gp"]()
    kept = search(searcher, 5)
    trials = searcher._study.get_trials()
    assert [trial.constraints["parameters"] <= 0 for trial in trials] == kept
