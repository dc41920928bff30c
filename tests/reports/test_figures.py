"""The plots of `search.plot`: every one can be drawn and saved as vectors, or says why not."""

import itertools
from dataclasses import replace

import pytest

from hpo.core import events
from hpo.core.errors import UserError
from hpo.core.events import End
from hpo.reports.figures import Plots
from hpo.use_cases.inspect import load_search
from tests.reports.test_page import FEW, ONE, simulated
from tests.use_cases.recorded_search import recorded, trained, won

MANY = {"train": 48_000, "validation": 12_000}
ALWAYS = ("history", "curves", "slices", "parallel", "rungs")


def plots(home):
    return load_search("digits", home).plot


@pytest.mark.parametrize("name", [*ALWAYS, "honest"])
def test_a_finished_search_has_the_plot_as_vectors(tmp_path, name):
    figure = getattr(plots(recorded(tmp_path, won())), name)()
    assert "<svg" in figure._repr_svg_()
    figure.savefig(tmp_path / "plot.pdf")
    assert (tmp_path / "plot.pdf").read_bytes().startswith(b"%PDF")


def test_many_trials_have_bands_and_importances(tmp_path):
    drawn = plots(simulated(tmp_path, 120, FEW))
    (axes,) = drawn.importance().axes
    assert [label.get_text() for label in axes.get_yticklabels()][-1] == "learning_rate"
    (axes,) = drawn.curves().axes
    assert len(axes.collections) == 2  # 10 to 90 % and 25 to 75 %
    assert len(drawn.slices().axes) == 3


def test_stopped_trials_are_hollow(tmp_path):
    story = [*trained(0, 0, 0.91), *trained(1, 0, 0.92), *trained(2, 0, 0.3, End.STOPPED)]
    (axes,) = plots(recorded(tmp_path, story)).history().axes
    faces = {line.get_label(): line.get_markerfacecolor() for line in axes.lines}
    assert faces["not fully trained"] == "none"
    assert faces["fully trained"] != faces["best so far"]


def test_what_cannot_be_drawn_has_a_reason(tmp_path):
    drawn = plots(recorded(tmp_path, [*trained(0, 0, 0.91)]))
    assert isinstance(drawn, Plots)
    with pytest.raises(UserError, match="at least 50 are needed"):
        drawn.importance()
    with pytest.raises(UserError, match="no winner yet"):
        drawn.honest()


@pytest.mark.parametrize("name", ALWAYS)
def test_a_search_without_trials_has_empty_plots(tmp_path, name):
    assert "<svg" in getattr(plots(recorded(tmp_path, [])), name)()._repr_svg_()


def test_a_trial_that_was_stopped_at_its_first_epoch_is_a_point_among_the_curves(tmp_path):
    (axes,) = plots(simulated(tmp_path, 12, FEW)).curves().axes
    alone = [line for line in axes.lines if len(line.get_xdata()) == 1]
    assert alone
    assert {line.get_marker() for line in alone} == {"o"}


def test_one_trial_of_one_parameter_has_room_among_parallel_coordinates(tmp_path):
    figure = plots(simulated(tmp_path, 1, ONE)).parallel()
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert axes.get_position().height > 0.3


def closer(event):
    """The same event with scores four times closer to 0.95, whose labels have more digits."""

    def moved(value):
        return 0.95 + (value - 0.95) / 4

    match event:
        case events.Reported():
            return replace(event, metrics={name: moved(value) for name, value in event.metrics.items()})
        case events.TrialEnded():
            return replace(event, value=moved(event.value))
        case events.WinnerNamed():
            return replace(event, mean=moved(event.mean), std=event.std / 4)
        case events.TestScored():
            scores = {name: moved(value) for name, value in event.scores["accuracy"].items()}
            return replace(event, scores={"accuracy": scores})
    return event


def test_labels_of_the_estimates_do_not_touch(tmp_path):
    figure = plots(recorded(tmp_path, map(closer, won()), split={"counts": MANY})).honest()
    figure.draw_without_rendering()
    (axes,) = figure.axes
    boxes = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
    inside = [box for box in boxes if box.x1 > axes.bbox.x0 and box.x0 < axes.bbox.x1]
    assert len(inside) >= 2
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(inside))


def test_errors_are_labelled_within_a_power_of_ten(tmp_path):
    figure = plots(simulated(tmp_path, 12, FEW)).history()
    figure.draw_without_rendering()
    (axes,) = figure.axes
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert {"0.05", "0.1", "0.2"} <= set(shown)
