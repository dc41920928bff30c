"""`hpo service clean` removes what nothing needs, and nothing that a search or its result would read."""

import json
import os

import pytest

from hpo.core import events
from hpo.core.errors import UserError
from hpo.core.events import End
from hpo.ledger.searches import open_ledger
from hpo.use_cases.clean import holdings, remove
from hpo.use_cases.search.lock import hold_lock
from tests.use_cases.recorded_search import SPLIT, recorded, searched, trained

LONG_AGO = (1, 1)


def fresh(trial, replicate):
    *story, _ = trained(trial, replicate, 0.93)
    yield from story
    file = f"{trial}-{replicate}.safetensors"
    yield events.TrialEnded(trial, replicate, End.FINISHED, 3, 0.93, weights=file, sha256="s" * 64)


def unfinished():
    yield from searched()
    yield from fresh(3, 3)
    yield from fresh(1, 3)


def concluded():
    yield from unfinished()
    yield events.WinnerNamed(3, 3, 0.93, 0.0, 1, "it has the best mean")
    member = {"trial": 3, "replicate": 3, "file": "3-3.safetensors", "sha256": "s" * 64}
    yield events.ModelFixed("best", (member,), "s" * 64, "the weights that counted")
    yield events.TestClaimed(3, 3, "a" * 64, "process 1 on host")
    yield events.TestScored({"accuracy": {"value": 0.92, "low": 0.88, "high": 0.95}}, 360, "t" * 64, True)
    yield events.SearchEnded("done")


def home_with(folder, story):
    home = recorded(folder, story)
    search = home.search("digits")
    for path in (
        search.weights / "3-3.safetensors",
        search.weights / "1-3.safetensors",
        search.checkpoints / "2-0-1.safetensors",
        search.logs / "0-0.log",
        home.data(SPLIT["data"]) / "manifest.json",
        home.data("e" * 64) / "manifest.json",
        home.root / "data" / ".partial-abc" / "inputs.npy",
        home.cut("e" * 64),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 1000)
    os.utime(home.data("e" * 64), LONG_AGO)
    return home


def unneeded(home, **more):
    return [part for part in holdings(home, **more) if not part.needed]


def names(parts):
    return sorted(path.name for part in parts for path in part.paths)


def test_of_a_search_whose_test_part_was_opened_only_its_model_its_data_and_its_logs_are_kept(tmp_path):
    home = home_with(tmp_path, concluded())
    parts = unneeded(home)
    assert names(parts) == [".partial-abc", "1-3.safetensors", "2-0-1.safetensors", "e" * 32]
    assert remove(home, parts) == 4000
    assert names(unneeded(home)) == []
    search = home.search("digits")
    assert (search.weights / "3-3.safetensors").exists()
    assert (search.logs / "0-0.log").exists()
    assert home.data(SPLIT["data"]).exists()
    assert home.cut("e" * 64).exists()


def test_a_search_that_can_be_continued_keeps_every_file(tmp_path):
    home = home_with(tmp_path, unfinished())
    assert names(unneeded(home, name="digits", logs=True)) == []
    needed = {part.kind: part.needed for part in holdings(home, "digits")}
    assert needed["checkpoints"] == "resume digits"


def test_a_search_that_came_to_run_after_the_list_was_made_is_left_alone(tmp_path):
    home = home_with(tmp_path, concluded())
    parts = unneeded(home, name="digits")
    with hold_lock(home.search("digits"), "digits"):
        assert {part.needed for part in holdings(home, "digits") if part.kind == "checkpoints"} == {
            "the search is running"
        }
        assert remove(home, parts) == 0
    open_ledger("digits", home).append([events.SearchResumed({})])
    assert remove(home, parts) == 0


def test_data_that_was_read_within_the_last_hour_may_be_about_to_be_searched(tmp_path):
    home = home_with(tmp_path, concluded())
    os.utime(home.data("e" * 64))
    assert "e" * 32 not in names(unneeded(home))


def test_logs_are_removed_when_that_is_asked_for(tmp_path):
    home = home_with(tmp_path, concluded())
    assert "0-0.log" in names(unneeded(home, name="digits", logs=True))
    assert json.dumps([part.to_json() for part in holdings(home)])


def test_a_search_that_does_not_exist_is_named(tmp_path):
    home = home_with(tmp_path, concluded())
    with pytest.raises(UserError, match="nothing"):
        holdings(home, "nothing")
