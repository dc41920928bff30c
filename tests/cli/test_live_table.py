"""The live table: what it shows, how rarely it reads the history, and the choice between the three ways."""

import io
import math
import os
import subprocess
import sys
from dataclasses import replace

from rich.console import Console

from hpo.cli.live_table import LiveTable
from hpo.cli.progress_rows import progress_rows, time_text
from hpo.core.formatting import TAKEN_UP_OFTEN, choices, duration
from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.progress import SearchProgress, progress_of
from hpo.core.spending import BudgetUse
from hpo.core.time_left import Prospects, TimeLeft
from tests.cli import stories


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def text(table, width=200):
    stream = io.StringIO()
    Console(file=stream, width=width).print(table)
    return stream.getvalue()


def live_table(clock, earlier=math.nan, **options):
    screen = Console(file=io.StringIO(), **options)
    prospects = Prospects(earlier=earlier)
    return LiveTable(screen, lambda history, search: prospects, clock, lambda: 0.0), screen


def test_before_the_first_event_the_table_shows_that_data_is_read():
    clock = Clock()
    live, _ = live_table(clock)
    clock.now += 3
    assert [line.rstrip() for line in text(live.render()).splitlines()] == [
        "search  reading the data",
        "time    3 s elapsed",
    ]


def test_before_the_first_trial_the_table_shows_the_workers_starting_and_an_estimate():
    clock = Clock()
    live, _ = live_table(clock, earlier=60.0)
    live.begin("digits-1")
    history = stories.history(iter(()))
    (opened, *_) = stories.recorded(stories.won())
    history.apply(opened)
    live.event(opened, history)
    clock.now += 12
    shown = text(live.render())
    assert "digits-1: starting the workers" in shown
    assert "12 s elapsed, about 48 s to go" in shown
    assert "trials" not in shown


def test_what_is_waited_for_takes_the_place_of_the_phase():
    live, _ = live_table(Clock())
    live.begin("digits-1")
    live.event(stories.recorded(stories.won())[0], stories.history(stories.searched()))
    live.waiting("a node with 2 CPUs and 0 GPUs")
    assert "digits-1: waiting for a node with 2 CPUs and 0 GPUs" in text(live.render())
    live.waiting("")
    assert "waiting" not in text(live.render())


def test_the_history_is_read_at_most_twice_a_second():
    clock = Clock()
    live, _ = live_table(clock)
    history = History(Objective("accuracy"))
    for recorded in stories.recorded(stories.won()):
        history.apply(recorded)
        live.event(recorded, history)
    assert "done" not in text(live.render())
    clock.now += 1
    live.event(recorded, history)
    assert "done" in text(live.render())


def test_elapsed_time_is_taken_from_the_record():
    clock = Clock()
    live, _ = live_table(clock)
    history = stories.history(stories.searched())
    live.event(stories.recorded(stories.searched())[-1], history)
    clock.now += 5
    assert f"{round(history.active) + 5} s elapsed" in text(live.render())


def test_a_watched_search_has_waited_since_its_last_event():
    clock, record = Clock(), stories.recorded(stories.searched())
    history = stories.history(stories.searched())
    live = LiveTable(Console(), lambda *_: Prospects(), clock, lambda: record[-1].time + 40)
    live.event(record[0], history)
    live.read()
    assert f"{duration(history.active + 40)} elapsed" in text(live.render())


def test_the_table_is_removed_before_later_output():
    live, screen = live_table(Clock(), width=120, force_terminal=True)
    with live.shown():
        history = stories.history(stories.searched())
        live.event(stories.recorded(stories.searched())[-1], history)
    shown = screen.file.getvalue()
    assert "2 finished, 1 stopped early, 1 failed" in shown
    assert shown.rstrip("\n").endswith("\x1b[2K")


def test_other_output_on_standard_error_is_printed_above_the_table(capfd):
    live, screen = live_table(Clock(), width=80, force_terminal=True)
    with live.shown():
        os.write(2, b"stopping; once more to end at once\n")
        subprocess.run([sys.executable, "-c", "import sys; print('of a child', file=sys.stderr)"], check=True)
    os.write(2, b"after it\n")
    shown = screen.file.getvalue()
    assert "stopping; once more to end at once" in shown
    assert "of a child" in shown
    assert capfd.readouterr().err == "after it\n"


def test_rows_name_budget_states_best_rungs_finalists_and_warnings():
    progress = progress_of(stories.history(stories.won()))
    shown = dict(progress_rows(progress, "learning_rate=0.01"))
    assert shown == {
        "budget": "4 of 4 trials (100 %), 40 of 100 epochs (40 %)",
        "trials": "2 finished, 1 stopped early, 1 failed",
        "best so far": "trial 2, accuracy 0.9500\nlearning_rate=0.01",
        "reached": "epoch 3: 3, epoch 9: 2",
        "finalist 2": "accuracy 0.9400 on 2 fresh seeds",
        "warning": "finalists were close",
    }
    assert "best so far" not in dict(progress_rows(progress, "", winner=True))
    begun = replace(progress, finalists=((2, 0, math.nan),))
    assert dict(progress_rows(begun, ""))["finalist 2"] == "being trained on fresh seeds"


def test_a_large_search_fits_a_small_window():
    progress = SearchProgress(
        phase="finalists",
        metric="accuracy",
        states={"running": 8, "finished": 40, "stopped": 300, "failed": 12, "interrupted": 3},
        best=(117, 0.98765),
        rungs=tuple((3**n, 400 // 3**n) for n in range(6)),
        finalists=tuple((trial, 5, 0.9) for trial in range(12)),
        budget=(
            BudgetUse("trials", 363, 400),
            BudgetUse("epochs", 9000, 12000),
            BudgetUse("hours", 3.3, 9.0),
        ),
        share=0.9,
        searching=0.0,
        finals=0.0,
        warnings=("a warning of many words " * 20,) * 3,
        proposed={"model": 250, "random": 20, "practice": 6, "exploration": 30, "earlier": 10},
        pauses={"paused": 300, **dict.fromkeys(TAKEN_UP_OFTEN, 100)},
    )
    live, _ = live_table(Clock())
    live.begin("a-search-with-a-long-name-12")
    point = {f"regularize.group_{n}.strength": 0.012345 for n in range(40)}
    live._progress, live._point = progress, choices(point, 6)
    lines = text(live.render(), width=80).splitlines()
    assert len(lines) <= 24
    assert [line.split()[0] for line in lines[:3]] == ["search", "time", "budget"]
    assert [line.split()[0] for line in lines[4:7]] == ["warning"] * 3
    assert "and 34 more" in "".join(lines)
    assert "and 7 more finalists" in "".join(lines)
    live._progress = replace(progress, phase="searching", finalists=())
    lines = text(live.render(), width=80).splitlines()
    assert len(lines) <= 24
    assert "proposed" in "".join(lines)


def test_an_estimate_is_one_duration_or_a_range():
    assert time_text(5, TimeLeft()) == "5 s elapsed"
    assert time_text(5, TimeLeft(50, 60)) == "5 s elapsed, about 55 s to go"
    assert time_text(5, TimeLeft(50, 120)) == "5 s elapsed, about 50 s to 2 min 00 s to go"


def test_an_estimate_that_has_passed_is_not_shown_as_nothing_left():
    assert time_text(5, TimeLeft(0, 30)) == "5 s elapsed, less than 30 s to go"
    assert time_text(5, TimeLeft(3, 9).after(20)) == "5 s elapsed, longer than estimated"
