"""The live table: what it shows, how rarely it reads the history, and the choice between the three ways."""

import io

from rich.console import Console

from hpo.cli.live_table import LiveTable, rows
from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.progress import progress_of
from tests.cli import stories


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def text(table):
    stream = io.StringIO()
    Console(file=stream, width=200).print(table)
    return stream.getvalue()


def test_the_table_starts_empty():
    clock = Clock()
    live = LiveTable(Console(file=io.StringIO()), clock)
    clock.now += 3
    assert "data and workers: starting, 3 s" in text(live.render())


def test_the_history_is_read_at_most_twice_a_second():
    clock = Clock()
    live = LiveTable(Console(file=io.StringIO()), clock)
    history = History(Objective("accuracy"))
    for each in stories.recorded(stories.won()):
        history.apply(each)
        live.event(each, history)
    assert "done" not in text(live.render())
    clock.now += 1
    live.event(each, history)
    assert "done" in text(live.render())


def test_the_last_state_is_shown_at_the_end():
    stream = io.StringIO()
    live = LiveTable(Console(file=stream, width=120, force_terminal=True), Clock())
    with live.shown():
        history = stories.history(stories.searched())
        live.event(stories.recorded(stories.searched())[-1], history)
        for each in stories.recorded(stories.won())[history.seq :]:
            history.apply(each)
            live.event(each, history)
    shown = stream.getvalue()
    assert "done" in shown
    assert "2 finished, 1 stopped early, 1 failed" in shown


def test_rows_name_states_best_rungs_finalists_budget_and_warnings():
    shown = dict(rows(progress_of(stories.history(stories.won())), "learning_rate=0.01"))
    assert shown == {
        "trials": "2 finished, 1 stopped early, 1 failed",
        "best so far": "trial 2, accuracy 0.9500: learning_rate=0.01",
        "reached": "epoch 3: 3, epoch 9: 2",
        "finalist 2": "accuracy 0.9400 on 2 fresh seeds",
        "budget": "4 of 4 trials (100 %), 40 of 100 epochs (40 %)",
        "warning": "finalists were close",
    }
