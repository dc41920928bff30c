"""Components of the sampler that learns from partly trained trials."""

import math
from itertools import combinations
from random import Random

import numpy as np
import pytest

from hpo.core.events import Cause, End
from hpo.core.practice import Practice
from hpo.core.space import Among, Choice, Integer, Parameter, Space, Uniform
from hpo.sampling.auto import AutoSearcher
from hpo.sampling.densities import prior_densities
from hpo.sampling.encoding import Encoding
from hpo.sampling.extrapolation import PartialResult, PartialResults, expected, normal_scores
from hpo.sampling.gaussian_process import Observations, Process, Scales
from hpo.sampling.usual_values import USUAL_VALUES

MIXED = Space(
    (
        Parameter("optimizer", Choice(("sgd", "adam"))),
        Parameter("optimizer.momentum", Uniform(0.5, 0.99), (("optimizer", Among(("sgd",))),)),
        Parameter("optimizer.nesterov", Choice((True, False)), (("optimizer.momentum", Among((0.9,))),)),
        Parameter("learning_rate", Uniform(1e-6, 1.0, log=True)),
        Parameter("layers", Integer(1, 6)),
        Parameter("width", Integer(8, 512, log=True)),
        Parameter("step", Uniform(0.0, 1.0, step=0.25)),
        Parameter("fixed", Uniform(2.0, 2.0)),
        Parameter("channels", Choice(([8, 16], None, {"a": 1}))),
    )
)


@pytest.mark.parametrize("seed", range(20))
def test_a_point_survives_conversion_to_a_row_and_back(seed):
    encoding, point = Encoding(MIXED), MIXED.sample(Random(seed))
    back = encoding.point(encoding.row(point))
    assert {name: pytest.approx(v) if isinstance(v, float) else v for name, v in back.items()} == point


def test_rows_of_one_point_have_the_same_features():
    encoding = Encoding(MIXED)
    rows = np.random.default_rng(0).random((200, encoding.width))
    again = np.array([encoding.row(encoding.point(row)) for row in rows])
    np.testing.assert_allclose(encoding.features(rows), encoding.features(again), atol=1e-9)
    assert encoding.features(rows).shape == (200, len(encoding.owner))


def bell_of(name, domain, *others, optimizer=None):
    return prior_densities(Space((Parameter(name, domain), *others)), Practice(optimizer))[0]


def test_usual_values_are_inside_the_range_or_not_used():
    for name, known in USUAL_VALUES.items():
        low, high = known.value / 1e3, known.value * 1e3
        bell = bell_of(f"optimizer.{name}", Uniform(low, high, log=True))
        assert bell is not None
        assert bell.centres == pytest.approx(0.5)
        assert bell_of(name, Uniform(high, 2 * high, log=True)) is None
    assert bell_of("depth", Integer(1, 9)) is None
    assert bell_of("learning_rate", Choice((0.1, 0.01))) is None


def test_hyperparameters_of_recipes_have_usual_values():
    decay = bell_of("regularize.weight_decay.rate", Uniform(1e-6, 1e-2, log=True))
    assert decay.centres == pytest.approx(0.5)
    assert bell_of("regularize.dropout.p", Uniform(0.0, 0.8)).centres == pytest.approx(0.25)
    assert bell_of("depth.rate", Uniform(1e-6, 1e-2, log=True)) is None


@pytest.mark.parametrize("sizes", [(32, 64, 128, 256, 512), (512, 256, 128, 64, 32)])
def test_a_choice_of_numbers_in_order_has_a_usual_value_too(sizes):
    bell = bell_of("batch_size", Choice(sizes))
    assert bell.centres == pytest.approx(0.5)
    assert bell.spread == pytest.approx(0.8 * 0.5 / math.log10(16))
    assert bell_of("batch_size", Choice((32, 512, 128))) is None
    assert bell_of("batch_size", Choice((1024, 2048, 4096))) is None
    assert bell_of("batch_size", Choice((128, 128))) is None


def test_the_usual_learning_rate_depends_on_the_optimizer():
    rates = Uniform(1e-5, 0.1, log=True)
    optimizer = Parameter("optimizer", Choice(("nesterov", "adamw", "adadelta")))
    bell = bell_of("learning_rate", rates, optimizer)
    rows = np.array([[0.0, 0.1], [0.0, 0.5], [0.0, 0.9]])
    drawn, inside = bell.draw(np.random.default_rng(0), np.repeat(rows, 500, axis=0))
    assert (inside.reshape(3, 500).mean(1) > 0.9).tolist() == [True, True, False]  # adadelta's is 1.0
    middle = np.median(drawn.reshape(3, 500), axis=1)
    assert middle[1] == pytest.approx(0.5, abs=0.05)
    assert middle[0] > 0.7
    centres = bell.centre(rows).tolist()
    assert centres == pytest.approx([math.log10(5000) / 4, 0.5, math.nan], nan_ok=True)
    assert bell_of("learning_rate", rates, optimizer="lamb").centres == pytest.approx(math.log10(500) / 4)
    assert bell_of("learning_rate", rates, optimizer="adam").centres == pytest.approx(0.5)


def test_choices_between_numbers_keep_their_distances():
    space = Space((Parameter("size", Choice((8, 16, 32, 64))), Parameter("share", Choice((0.0, 0.1, 0.2)))))
    encoding = Encoding(space)
    rows = np.array([encoding.row({"size": size, "share": 0.1}) for size in (8, 16, 32, 64)])
    assert encoding.features(rows)[:, 0] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert encoding.features(rows)[:, 1] == pytest.approx(0.5)
    single = Encoding(Space((Parameter("seed", Choice((3,))),)))
    assert single.features(np.array([[0.2]])) == pytest.approx(0.5)
    endless = Encoding(Space((Parameter("norm", Choice((1.0, math.inf, 10**400))),)))
    assert endless.features(np.array([[0.9]])) == pytest.approx(np.array([[0, 0, math.sqrt(0.5)]]))


def test_a_process_interpolates_and_is_uncertain_elsewhere():
    x = np.linspace(0, 1, 12)[:, None]
    y = np.sin(6 * x[:, 0])
    scales = Scales(np.array([0]))
    scales.fit(Observations(x, y, np.ones(12)), 60)
    process = Process(scales, Observations(x, y, np.ones(12)))
    mean, deviation = process.predict(np.array([[0.5], [3.0]]))
    assert mean[0] == pytest.approx(math.sin(3), abs=0.1)
    assert deviation[1] > 0.9 > 3 * deviation[0]


def test_a_fit_finds_which_parameter_matters():
    x = np.random.default_rng(0).random((60, 3))
    seen = Observations(x, np.sin(5 * x[:, 1]), np.ones(60))
    scales = Scales(np.array([0, 1, 2]))
    scales.fit(seen, 80)
    steep = scales.per_feature()
    assert steep[1] > 2 * max(steep[0], steep[2])


def test_slow_starters_are_expected_to_end_well_if_others_did():
    row = np.zeros(1)
    went_on = [PartialResult(row, 9, v - 0.5, [v, v - 0.5]) for v in (0.8, 0.9, 1.0)]
    young, diverged = PartialResult(row, 3, 0.85, [0.85]), PartialResult(row, 2, 1.0, [], diverged=True)
    found = expected([*went_on, young, diverged], 2)
    assert found[3] == pytest.approx(0.4, abs=0.1)
    assert found[4] == math.inf
    scores = normal_scores(found)
    assert scores.argmax() == 0
    assert scores.argmin() == 4
    assert scores.mean() == pytest.approx(0, abs=1e-9)


def test_the_longest_trained_and_latest_of_many_trials_are_used():
    standings, draw = PartialResults((3, 9), cap=20), Random(0)
    for trial in range(400):
        standings.start(trial, np.array([float(trial)]))
        standings.report(trial, 3, draw.random())
        if trial == 7:
            standings.report(trial, 9, 0.0)
        standings.end(trial)
    numbers = [int(standing.row[0]) for standing in standings.chosen()]
    assert 7 in numbers
    assert numbers[-10:] == list(range(390, 400))
    assert len(numbers) == 20
    assert len(standings._kept) <= 8 * 20


def run(space, value, trials, seed=0):
    searcher = AutoSearcher(space, "min", seed, (1, 3), 9)
    points = []
    for trial in range(trials):
        point = searcher.ask(trial)
        searcher.started(trial, point)
        reached = value(point)
        if math.isnan(reached):
            searcher.tell(trial, End.FAILED, reached, Cause.DIVERGED)
        else:
            searcher.report(trial, 1, reached)
            searcher.tell(trial, End.STOPPED, reached)
        points.append(point)
    return points


def test_asking_changes_nothing():
    space = Space((Parameter("x", Uniform(0.0, 1.0)),))
    explained, quiet = (AutoSearcher(space, "min", 0, (1, 3), 9) for _ in range(2))
    for trial in range(12):
        for searcher in (explained, quiet):
            searcher.started(trial, {"x": trial / 12})
            explained.ask(trial + 1)
            searcher.report(trial, 1, (trial / 12 - 0.4) ** 2)
            searcher.tell(trial, End.STOPPED, 0.0)
    assert explained.ask(12) == explained.ask(12) == quiet.ask(12)


def test_cliffs_are_avoided_and_a_wrong_prior_is_overruled():
    space = Space((Parameter("learning_rate", Uniform(1e-6, 10.0, log=True)),))

    def value(point):
        off = math.log10(point["learning_rate"])  # the usual value is -3
        return math.nan if off > 0.5 else abs(off + 0.2)

    late = [math.log10(point["learning_rate"]) for point in run(space, value, 50)[25:]]
    assert sum(off > 0.5 for off in late) <= 3
    assert np.median(np.abs(np.array(late) + 0.2)) < 0.5


def test_a_small_space_repeats_a_point_only_when_exhausted():
    space = Space((Parameter("a", Choice((1, 2, 3, 4))), Parameter("b", Integer(0, 4))))
    points = run(space, lambda point: abs(point["b"] - 2) + point["a"] / 10, 18)
    modelled = [tuple(point.values()) for point in points[3:]]
    assert len(set(modelled)) == len(modelled)


def test_a_region_that_is_known_is_not_proposed_again_and_again():
    space = Space((Parameter("x", Uniform(0.0, 1.0)), Parameter("y", Uniform(0.0, 1.0))))
    noise = Random(1)
    points = run(space, lambda point: 0.02 * noise.random() + (point["x"] < 0.9) + (point["y"] < 0.9), 40)
    apart = [max(abs(a[name] - b[name]) for name in a) for a, b in combinations(points[3:], 2)]
    assert min(apart) > 0.15 * len(points) ** -0.5


def test_a_forbidden_corner_that_is_nearly_all_of_the_space_is_avoided():
    space = Space(
        (Parameter("x", Uniform(0.0, 1.0)), Parameter("kind", Choice(tuple("abcdefghij")))),
        forbid=((("kind", Among(tuple("abcdefghi"))),),),
    )
    assert {point["kind"] for point in run(space, lambda point: point["x"], 20)} == {"j"}


def test_a_space_without_parameters_has_one_point():
    assert run(Space(()), lambda point: 1.0, 8) == [{}] * 8


def proposals(cost_weight, timed=True, trials=60):
    """Widths that a search proposes where the width changes nothing but the time of an epoch."""
    space = Space((Parameter("rate", Uniform(0.0, 1.0)), Parameter("width", Integer(8, 512, log=True))))
    searcher, widths = AutoSearcher(space, "max", 0, (1, 3), 9, cost_weight=cost_weight), []
    for trial in range(trials):
        point = searcher.ask(trial)
        widths.append(point["width"])
        searcher.started(trial, point)
        for epoch in range(1, 10):
            if timed:
                searcher.timed(trial, 0.1 * point["width"])
            searcher.report(trial, epoch, -((point["rate"] - 0.6) ** 2))
        searcher.tell(trial, End.FINISHED, -((point["rate"] - 0.6) ** 2))
    return widths


def test_where_costs_count_cheap_points_are_proposed_of_equally_good_ones():
    weighed, plain = np.median(proposals(0.25)[10:]), np.median(proposals(0.0)[10:])
    assert weighed < plain / 2


def test_times_change_no_proposal_unless_costs_count():
    assert proposals(0.0, trials=20) == proposals(0.0, timed=False, trials=20)
    assert proposals(0.25, timed=False, trials=20) == proposals(0.0, timed=False, trials=20)
