"""A search as lines of text."""

import io

from hpo.core import events
from hpo.core.events import End
from hpo.reports.plain_lines import PlainLines
from tests.cli import stories


def test_a_pause_and_why_it_ended_are_lines():
    stream = io.StringIO()
    story = [
        *stories.trained(1, 0, 0.5, 3, End.STOPPED),
        events.TrialPaused(1, 0, events.PauseCause.RUNG),
        events.TrialTakenUp(1, 0, events.PauseCause.RUNG),
    ]
    story = [event for event in story if not isinstance(event, events.TrialEnded)]
    stories.replay(PlainLines(stream), stories.recorded(iter(story)))
    assert stream.getvalue().splitlines()[1:] == [
        "trial 1 paused at epoch 3: accuracy 0.5000",
        "trial 1 continues from epoch 3: it is now among the best of its rung",
    ]


def test_plain_lines_describe_the_events():
    stream = io.StringIO()
    stories.replay(PlainLines(stream), stories.recorded(stories.won()))
    assert stream.getvalue().splitlines() == [
        "search digits-1",
        "opened",
        "trial 0 finished at epoch 9: accuracy 0.9000, the best so far: "
        "optimizer=sgd optimizer.momentum=0.9 learning_rate=0.01235",
        "trial 1 stopped early at epoch 3: accuracy 0.5000",
        "trial 2 finished at epoch 9: accuracy 0.9500, the best so far: "
        "optimizer=sgd optimizer.momentum=0.9 learning_rate=0.01235",
        "trial 3 failed (diverged) at epoch 1: accuracy -: the loss is not a number",
        "finalists, now trained on fresh seeds: 2",
        "trial 2 seed 1 finished at epoch 9: accuracy 0.9300",
        "trial 2 seed 2 finished at epoch 9: accuracy 0.9500",
        "warning: finalists were close",
        "winner: trial 2, accuracy 0.9400 ± 0.0141: the best mean",
        "opening the test part",
        "recipe written: /home/recipe.yaml",
    ]


def test_lines_show_the_warm_start_and_the_saving_of_patience():
    events = stories.events
    lesson = {"source": "old-1", "names": [], "columns": [], "rows": [], "absent": [], "scores": [1.0, -1.0]}
    warmth = {"first": [{"a": 1}], "lessons": [lesson]}
    story = [events.SearchOpened({}, "d", {}, {}, warmth=warmth), events.FinalistsNamed((), "patience: over")]
    stream = io.StringIO()
    stories.replay(PlainLines(stream), stories.recorded(iter(story)))
    assert stream.getvalue().splitlines()[1:] == [
        "opened, warm start: 1 point of earlier searches first, 2 results of old-1 known",
        "no trial is left that could win (patience: over)",
    ]


def test_plain_lines_say_what_is_waited_for():
    stream = io.StringIO()
    lines = PlainLines(stream)
    lines.waiting("Ray to start")
    lines.waiting("")
    assert stream.getvalue() == "waiting for Ray to start\n"
