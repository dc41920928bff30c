"""The contract of every searcher, whatever happens to its trials in whatever order.

A further searcher is one line in ``SEARCHERS``.
"""

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.core.events import Cause, End
from hpo.core.space import Among, Between, Choice, Integer, Parameter, Space, Uniform
from hpo.sampling.auto import AutoSearcher
from hpo.sampling.non_adaptive import GridSearcher, QmcSearcher, RandomSearcher
from hpo.sampling.optuna_searcher import SAMPLERS, OptunaSearcher
from hpo.sampling.without_repeats import WithoutRepeats

CONDITIONAL = Space(
    (
        Parameter("kind", Choice(("p", "q"))),
        Parameter("rate", Uniform(1e-4, 1.0, log=True)),
        Parameter("momentum", Uniform(0.5, 0.99), (("kind", Among(("p",))),)),
        Parameter("units", Integer(32, 128, step=32)),
    ),
    forbid=((("kind", Among(("p",))), ("rate", Between(high=1e-3))),),
)
NUMERIC = Space((Parameter("rate", Uniform(1e-3, 1.0, log=True)), Parameter("width", Uniform(0.0, 1.0))))
FINITE = Space((Parameter("kind", Choice(("p", "q", "r"))), Parameter("units", Integer(1, 4))))

SEARCHERS = {
    "auto": (CONDITIONAL, lambda space: AutoSearcher(space, "max", seed=3, rungs=(1, 3), horizon=9)),
    "random": (CONDITIONAL, lambda space: RandomSearcher(space, seed=3)),
    "qmc": (CONDITIONAL, lambda space: QmcSearcher(space, seed=3)),
    "grid": (FINITE, GridSearcher),
    "tpe": (CONDITIONAL, lambda space: OptunaSearcher(space, "max", seed=3, sampler="tpe")),
    "gp": (NUMERIC, lambda space: OptunaSearcher(space, "max", seed=3, sampler="gp")),
    "cmaes": (NUMERIC, lambda space: OptunaSearcher(space, "max", seed=3, sampler="cmaes")),
    "without repeats": (FINITE, lambda space: WithoutRepeats(RandomSearcher(space, seed=3), space, seed=3)),
}
NAMES = tuple(SEARCHERS)
ENDS = [
    (End.FINISHED, None),
    (End.STOPPED, None),
    (End.INTERRUPTED, None),
    *((End.FAILED, cause) for cause in Cause),
]
FATES = st.lists(
    st.tuples(
        st.sampled_from(["own", "own", "another"]),  # whose point the trial runs at
        st.integers(0, 3),  # epochs that it reports
        st.sampled_from([-math.inf, math.nan, -2.0, 0.25, 0.5, 0.75]),
        st.sampled_from(["", "", "paused", "taken up"]),
        st.sampled_from([*ENDS, None]),  # None: it is still running
    ),
    min_size=1,
    max_size=7,
)


def searched(name, fates):
    """Play the fates of trials 0, 1, ... to a searcher; return it, what it proposed, and what it was told."""
    space, build = SEARCHERS[name]
    searcher, proposed, values = build(space), [], []

    def tell(call, *arguments):
        getattr(searcher, call)(*arguments)
        values.append((call, *arguments))

    for trial, (whose, epochs, value, pause, end) in enumerate(fates):
        point = searcher.ask(trial)
        if point is None:
            break
        proposed.append(point)
        point = point if whose == "own" else space.sample(Random(trial))
        tell("started", trial, point)
        for epoch in range(1, epochs + 1):
            tell("report", trial, epoch, value)
        if pause:
            tell("paused", trial)
        if pause == "taken up":
            tell("taken_up", trial, point)
        if end is not None:
            tell("tell", trial, end[0], value if end[1] is None else math.nan, end[1])
    return searcher, proposed, values


def test_every_searcher_is_here():
    assert set(SAMPLERS) < set(SEARCHERS)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12)
@given(fates=FATES)
def test_every_proposal_is_a_legal_point(name, fates):
    _, proposed, _ = searched(name, fates)
    assert [SEARCHERS[name][0].complaints(point) for point in proposed] == [[]] * len(proposed)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12)
@given(fates=FATES)
def test_a_searcher_rebuilt_from_the_record_proposes_what_the_first_one_would(name, fates):
    first, _, values = searched(name, fates)
    space, build = SEARCHERS[name]
    second = build(space)
    for call, *arguments in values:
        getattr(second, call)(*arguments)
    trial = len(fates)
    assert repr(second.ask(trial)) == repr(first.ask(trial))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=6)
@given(fates=FATES)
def test_the_same_history_gives_the_same_proposals(name, fates):
    assert repr(searched(name, fates)[1:]) == repr(searched(name, fates)[1:])
