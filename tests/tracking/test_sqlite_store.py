import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from hpo.core.home import Home
from hpo.tracking import mirror_progress, sqlite_schema
from hpo.tracking.mirror import Mirror
from hpo.tracking.target import Target
from tests.tracking.scenario import NAME, memory_ledger, projection, search

CHILD = """
import sys
from hpo.core.home import Home
from hpo.tracking.mirror import Mirror
from hpo.tracking.target import Target
from tests.tracking.scenario import NAME, memory_ledger, projection, search
home = Home.at(sys.argv[1])
ledger = memory_ledger()
mirror = Mirror(ledger, Target.of(home, {}).store("digits"), projection(home), home.search(NAME))
for event in search(home.search(NAME)):
    ledger.append([event])
    mirror.catch_up()
    print(mirror.position, flush=True)
"""


def rows(home: Home) -> dict[str, list[Any]]:
    """Return everything that a store holds about runs, sorted, without what depends on the home's folder."""
    columns = {
        "runs": "run_uuid, name, status, start_time, end_time, experiment_id",
        "params": "run_uuid, key, value",
        "tags": "run_uuid, key, CASE key WHEN 'chain.head' THEN '' ELSE value END",
        "metrics": "run_uuid, key, step, timestamp, value",
        "latest_metrics": "run_uuid, key, step, timestamp, value",
    }
    with closing(sqlite_schema.connect(home.tracking)) as store:
        return {
            table: sorted(store.execute(f"SELECT {names} FROM {table}").fetchall())
            for table, names in columns.items()
        }


def shown(home: Home) -> dict[str, list[Any]]:
    ledger = memory_ledger(search(home.search(NAME)))
    Mirror(ledger, Target.of(home, {}).store("digits"), projection(home), home.search(NAME)).catch_up()
    return rows(home)


def test_a_replay_repairs_the_store_of_a_killed_mirror(tmp_path: Path) -> None:
    undisturbed = shown(Home.at(tmp_path / "undisturbed").create())
    for position in (1, 9, 24):
        home = Home.at(tmp_path / f"killed at {position}").create()
        command = [sys.executable, "-c", CHILD, str(home.root)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            while int(child.stdout.readline()) < position:
                pass
            os.kill(child.pid, signal.SIGKILL)
        assert shown(home) == undisturbed


def test_files_are_private(home: Home) -> None:
    shown(home)
    files = [file for file in home.artifacts.rglob("*") if file.is_file()]
    assert {file.name for file in files} == {
        "recipe.json",
        "recipe.yaml",
        "spec.json",
        "split.json",
        "winner.safetensors",
    }
    assert all(file.stat().st_mode & 0o077 == 0 for file in [*files, home.tracking])


def test_a_store_that_was_deleted_is_filled_again(home: Home) -> None:
    before = shown(home)
    home.tracking.unlink()
    assert mirror_progress.load_progress(home.search(NAME)) == mirror_progress.MirrorProgress()
    assert shown(home) == before
