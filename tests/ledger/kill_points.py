"""Kill a ledger's writer at every change of the disk, and again as it goes on; print what was seen as JSON.

``LD_PRELOAD=kill_points.so python -m tests.ledger.kill_points FOLDER KILLS``: each kill is that of a
forked process, so that nothing of it survives but its files.
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import random
import shutil
import sys
from pathlib import Path

import numpy as np

from hpo.core.events import LedgerRescued, Reported, SearchOpened, TestClaimed, TestScored
from hpo.core.private_files import replace_file
from hpo.ledger.opening import COMPLETED, Opening
from hpo.ledger.register import Register
from hpo.ledger.rescue import rescue_database
from hpo.ledger.store import LedgerStore

SPEC = SearchOpened(spec={"version": 1}, digest="d", split={}, versions={})
RECIPE = "version: 1\ntrainable: tabular\nrecipe: {}\n" * 50
EPOCHS = 3


def work(folder, acknowledge):
    """A search from its first event to its recipe, as one process after the other goes on with it."""
    store = LedgerStore.at(folder / "ledger.db")
    ledger = store.open("digits-1") if store.names() else store.create("digits", SPEC)
    acknowledge(1)
    for epoch in range(1 + count(ledger, Reported), EPOCHS + 1):
        ledger.append([Reported(0, 0, epoch, {"validation/loss": 1 / epoch}, 0.1)])
        acknowledge(1 + epoch)
    if not count(ledger, TestClaimed):
        ledger.claim(TestClaimed(0, 1, "sha", "someone"))
    acknowledge(2 + EPOCHS)
    register = Register(folder / "register.db")
    opening = Opening("key", "f", 4, "me", "digits-1", "/home", "csv", "recipe")
    assert register.begin(opening, np.ones((4, 2), np.uint64)).look == 1
    if not count(ledger, TestScored):
        ledger.append([TestScored({"loss": {"value": 0.5}}, 10, "f")])
    acknowledge(3 + EPOCHS)
    register.complete("key", {"loss": {"value": 0.5}})
    replace_file(folder / "recipe.yaml", RECIPE)
    store.close()
    rescue_database(folder / "ledger.db")


def count(ledger, kind):
    return sum(isinstance(recorded.event, kind) for recorded in ledger.read())


def nothing_is_lost(folder, acknowledged):
    """Check what is on the disk after a kill."""
    if not (folder / "ledger.db").exists():
        assert acknowledged == 0
        return
    store = LedgerStore.at(folder / "ledger.db")
    kept = list(store.open("digits-1").read()) if store.names() else []
    store.close()
    assert len(kept) >= acknowledged, (len(kept), acknowledged)
    events = [recorded.event for recorded in kept]
    reports = [event.epoch for event in events if isinstance(event, Reported)]
    assert reports == list(range(1, len(reports) + 1))
    assert sum(isinstance(event, TestClaimed) for event in events) <= 1
    recipe = folder / "recipe.yaml"
    assert not recipe.exists() or recipe.read_text() == RECIPE


def all_is_there(folder):
    """Check the end."""
    store = LedgerStore.at(folder / "ledger.db")
    events = [recorded.event for recorded in store.open("digits-1").read()]
    kinds = [type(event) for event in events if not isinstance(event, LedgerRescued)]
    assert kinds == [SearchOpened, *[Reported] * EPOCHS, TestClaimed, TestScored], kinds
    (opening,) = Register(folder / "register.db").all()
    assert (opening.look, opening.state) == (1, COMPLETED)
    assert (folder / "recipe.yaml").read_text() == RECIPE


def kill_after(calls):
    """Have this process killed at a change of the disk; never if the number of those before is negative."""
    ctypes.c_int.in_dll(ctypes.CDLL(None), "calls_left").value = calls


def in_a_fork(function):
    """Run a function in a process of its own; return its wait status and what it acknowledged last."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            function(lambda number: os.write(writer, bytes([number])))
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as acknowledged:
        numbers = acknowledged.read()
    return os.waitpid(child, 0)[1], max(numbers, default=0)


def killed_and_finished(folder, points):
    """Kill the work at some points, one after the other, and finish it; return the number of kills."""
    folder.mkdir()
    acknowledged = kills = 0

    def goes_on(acknowledge, calls_left):
        nothing_is_lost(folder, acknowledged)
        kill_after(calls_left)
        work(folder, acknowledge)
        kill_after(-1)
        all_is_there(folder)

    for calls_left in (*points, -1):
        status, last = in_a_fork(functools.partial(goes_on, calls_left=calls_left))
        acknowledged = max(acknowledged, last)
        if not os.WIFSIGNALED(status):
            assert os.waitstatus_to_exitcode(status) == 0, "the work failed"
            break
        kills += 1
    shutil.rmtree(folder)
    return kills


def main():
    """Kill the work at each of its points, and at two more points of what follows."""
    folder, wanted = Path(sys.argv[1]) / "home", int(sys.argv[2])
    drawn, kills, first, points = random.Random(7), 0, 0, 0
    while kills < wanted or not points:
        more = [drawn.randrange(1 + max(first, points)) for _ in range(2)]
        new = killed_and_finished(folder, [first, *more])
        kills += new
        points, first = (points or first, 0) if not new else (points, first + 1)
    print(json.dumps({"kills": kills, "points": points}))


if __name__ == "__main__":
    main()
