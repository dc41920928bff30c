"""Every searcher proposes legal points and repeats itself in a replay."""

import math

import pytest

from hpo.core.events import Cause, End
from hpo.core.proposals import REASONS
from hpo.core.space import Among, Between, Choice, Integer, Parameter, Space, Uniform
from hpo.sampling.auto import AutoSearcher
from hpo.sampling.non_adaptive import GridSearcher, QmcSearcher, RandomSearcher
from hpo.sampling.optuna_searcher import OptunaSearcher

CONDITIONAL = Space(
    (
        Parameter("optimizer", Choice(("sgd", "adam"))),
        Parameter("learning_rate", Uniform(1e-4, 1.0, log=True)),
        Parameter("optimizer.momentum", Uniform(0.5, 0.99), (("optimizer", Among(("sgd",))),)),
        Parameter("batch_size", Integer(8, 256, log=True)),
        Parameter("channels", Choice(([8, 16], [16, 32], None))),
        Parameter("width", Uniform(0.0, 0.9, step=0.3)),
        Parameter("units", Integer(32, 512, step=32)),
    ),
    forbid=((("optimizer", Among(("sgd",))), ("learning_rate", Between(high=1e-3))),),
)
NUMERIC = Space((Parameter("x", Uniform(0.0, 1.0)), Parameter("y", Uniform(1e-3, 1.0, log=True))))
FINITE = Space((Parameter("a", Choice((1, 2, 3))), Parameter("b", Integer(0, 1), (("a", Among((1, 2))),))))

SEARCHERS = {
    "random": (CONDITIONAL, lambda space: RandomSearcher(space, seed=3)),
    "qmc": (CONDITIONAL, lambda space: QmcSearcher(space, seed=3)),
    "tpe": (CONDITIONAL, lambda space: OptunaSearcher(space, "max", seed=3, sampler="tpe")),
    "gp": (NUMERIC, lambda space: OptunaSearcher(space, "max", seed=3, sampler="gp")),
    "cmaes": (NUMERIC, lambda space: OptunaSearcher(space, "max", seed=3, sampler="cmaes")),
    "auto": (CONDITIONAL, lambda space: AutoSearcher(space, "max", seed=3, rungs=(1, 3), horizon=9)),
    "grid": (FINITE, GridSearcher),
}
ENDS = [
    (End.FINISHED, None),
    (End.STOPPED, None),
    (End.FAILED, Cause.DIVERGED),
    (End.FAILED, Cause.CODE_ERROR),
    (End.FINISHED, None),
]


def live(searcher, trials, script):
    """Run trials one after the other and record every call to the searcher."""
    for trial in trials:
        point = searcher.ask(trial)
        if point is None:
            return
        end, cause = ENDS[trial % len(ENDS)]
        value = math.sin(sum(v for v in point.values() if isinstance(v, float)))
        reported = math.nan if cause else value
        calls = [
            ("started", trial, point),
            ("report", trial, 1, value / 2),
            ("tell", trial, end, reported, cause),
        ]
        for name, *arguments in calls:
            getattr(searcher, name)(*arguments)
            script.append((name, *arguments))


@pytest.mark.parametrize("name", SEARCHERS)
def test_every_point_is_legal(name):
    space, build = SEARCHERS[name]
    script = []
    live(build(space), range(25), script)
    points = [call[2] for call in script if call[0] == "started"]
    assert points
    assert all(point.get("width", 0.0) in (0.0, 0.3, 0.6, 0.9) for point in points)
    assert [space.complaints(point) for point in points] == [[]] * len(points)


@pytest.mark.parametrize("name", SEARCHERS)
def test_a_replay_continues_as_if_undisturbed(name):
    space, build = SEARCHERS[name]
    undisturbed, script = build(space), []
    live(undisturbed, range(14), script)
    replayed = build(space)
    for call, *arguments in script:
        getattr(replayed, call)(*arguments)
    rest, again = [], []
    live(undisturbed, range(14, 20), rest)
    live(replayed, range(14, 20), again)
    assert repr(again) == repr(rest)


@pytest.mark.parametrize("name", ["tpe", "gp", "cmaes", "auto"])
def test_a_model_finds_good_points(name):
    space, build = SEARCHERS[name]
    space = NUMERIC
    searcher = build(space)
    late = []
    for trial in range(20):
        point = searcher.ask(trial)
        searcher.started(trial, point)
        value = -((point["x"] - 0.3) ** 2) - (math.log10(point["y"]) + 1) ** 2 / 9
        searcher.tell(trial, End.FINISHED, value)
        late.append(value)
    assert sum(late[10:]) > sum(late[:10])


def test_the_grid_has_every_point_once():
    grid = GridSearcher(FINITE)
    points = [grid.ask(trial) for trial in range(6)]
    assert points == [{"a": 1, "b": 0}, {"a": 1, "b": 1}, {"a": 2, "b": 0}, {"a": 2, "b": 1}, {"a": 3}, None]


def test_a_diverged_trial_is_reported_as_the_worst_and_a_crash_is_ignored():
    searcher = OptunaSearcher(NUMERIC, "max", seed=0)
    for trial, cause in enumerate([Cause.DIVERGED, Cause.CODE_ERROR]):
        searcher.started(trial, {"x": 0.5, "y": 0.5})
        searcher.report(trial, 1, 0.9)
        searcher.tell(trial, End.FAILED, 0.9, cause)
    states = [(trial.state.name, len(trial.intermediate_values)) for trial in searcher._study.get_trials()]
    assert states == [("FAIL", 1), ("PRUNED", 0), ("FAIL", 1)]


def test_a_model_avoids_where_trials_diverged():
    searcher = OptunaSearcher(NUMERIC, "max", seed=0)
    xs = []
    for trial in range(60):
        point = searcher.ask(trial)
        searcher.started(trial, point)
        searcher.report(trial, 1, 1.0 - point["x"])
        if point["x"] < 0.5:
            searcher.tell(trial, End.FAILED, math.nan, Cause.DIVERGED)
        else:
            searcher.tell(trial, End.FINISHED, 1.0 - point["x"])
        xs.append(point["x"])
    assert sum(x < 0.5 for x in xs[30:]) < 15


def test_the_prior_of_the_sobol_sequence_is_even():
    searcher = QmcSearcher(NUMERIC, seed=1)
    low = sum(searcher.ask(trial)["y"] < math.sqrt(1e-3) for trial in range(64))
    assert low == 32


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("random", {"random"}),
        ("qmc", {"sequence"}),
        ("grid", {"grid"}),
        ("auto", {"practice", "model", "exploration"}),
        ("tpe", {"random", "model"}),
    ],
)
def test_the_reason_of_each_proposal_is_known(name, expected):
    space, build = SEARCHERS[name]
    searcher, found = build(space), []
    for trial in range(25):
        point = searcher.ask(trial)
        if point is None:
            break
        found.append(searcher.reason)
        searcher.started(trial, point)
        searcher.report(trial, 1, math.sin(3 * point.get("learning_rate", 0.0)))
        searcher.tell(trial, End.STOPPED, 0.0)
    assert set(found) == expected
    assert set(found) <= REASONS.keys()
    if name == "tpe":
        assert found == ["random"] * 10 + ["model"] * 15
    if name == "auto":
        assert found[:3] == ["practice"] * 3
        assert "practice" not in found[3:]
