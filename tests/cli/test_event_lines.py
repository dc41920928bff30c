"""A search as lines, for people and for programs."""

import io
import json
import subprocess
import sys

from hpo.cli.event_lines import JsonLines, PlainLines
from hpo.cli.session import own_stdout
from hpo.core import events
from hpo.core.events import End
from hpo.core.history import History
from hpo.core.objective import Objective
from tests.cli import stories


def replay(watch, record):
    history = History(Objective("accuracy"))
    watch.begin("digits-1")
    for recorded in record:
        history.apply(recorded)
        watch.event(recorded, history)


def test_every_event_is_one_json_object():
    stream = io.StringIO()
    record = stories.recorded(stories.won())
    replay(JsonLines(stream), record)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["seq"] for line in lines] == [each.seq for each in record]
    assert [line["event"] for line in lines] == [type(each.event).__name__ for each in record]
    assert lines[-1]["status"] == "done"


def test_numbers_that_json_lacks_are_null():
    stream = io.StringIO()
    replay(JsonLines(stream), stories.recorded(stories.searched()))
    diverged = [json.loads(line) for line in stream.getvalue().splitlines()][-1]
    assert diverged["value"] is None
    assert diverged["cause"] == "diverged"
    assert "NaN" not in stream.getvalue()


def test_a_pause_and_why_it_ended_are_lines():
    stream = io.StringIO()
    story = [
        *stories.trained(1, 0, 0.5, 3, End.STOPPED),
        events.TrialPaused(1, 0, events.PauseCause.RUNG),
        events.TrialTakenUp(1, 0, events.PauseCause.RUNG),
    ]
    story = [event for event in story if not isinstance(event, events.TrialEnded)]
    replay(PlainLines(stream), stories.recorded(iter(story)))
    assert stream.getvalue().splitlines()[1:] == [
        "trial 1 paused at epoch 3: accuracy 0.5000",
        "trial 1 continues from epoch 3: it is now among the best of its rung",
    ]


def test_plain_lines_describe_the_events():
    stream = io.StringIO()
    replay(PlainLines(stream), stories.recorded(stories.won()))
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
    replay(PlainLines(stream), stories.recorded(iter(story)))
    assert stream.getvalue().splitlines()[1:] == [
        "opened, warm start: 1 point of earlier searches first, 2 results of old-1 known",
        "finalists, now trained on fresh seeds:  (patience: over)",
    ]


class Gone(io.StringIO):
    def write(self, text):
        raise BrokenPipeError


def test_a_closed_pipe_does_not_end_the_search():
    for watch in (JsonLines(Gone()), PlainLines(Gone())):
        replay(watch, stories.recorded(stories.won()))


def test_with_json_only_json_is_on_standard_output():
    code = (
        "import os, subprocess\n"
        "from hpo.cli.session import own_stdout\n"
        "with own_stdout() as stream:\n"
        "    print('from python')\n"
        "    os.write(1, b'from c\\n')\n"
        "    subprocess.run(['echo', 'from a child'])\n"
        "    stream.write('{}\\n')\n"
        "print('after')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "{}\nafter\n"
    assert sorted(ran.stderr.splitlines()) == ["from a child", "from c", "from python"]


def test_standard_output_is_restored_after_an_error(capfd):
    try:
        with own_stdout():
            raise KeyError
    except KeyError:
        print("here again")
    assert capfd.readouterr().out == "here again\n"


def test_plain_lines_say_what_is_waited_for():
    stream = io.StringIO()
    lines = PlainLines(stream)
    lines.waiting("Ray to start")
    lines.waiting("")
    assert stream.getvalue() == "waiting for Ray to start\n"
