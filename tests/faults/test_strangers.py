"""Files from others do not execute code, and a spec cannot write outside its home."""

import io
import json
import os
import pickle
import shutil
import sqlite3
import stat
import tempfile
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import numpy as np
import psutil
import pytest

from hpo.core import events
from tests.faults.tiny_search import after, kill, three_checkpoints

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Canary:
    """Leaves a file when it is unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


def pickled_array(canary):
    """An array file whose content would be unpickled."""
    file = io.BytesIO()
    np.save(file, np.array([canary], dtype=object), allow_pickle=True)
    return file.getvalue()


@pytest.mark.faults
def test_commands_do_not_load_pickles(place):
    process = place.start("submit", "tiny.yaml", "--no-test", "--json")
    place.wait_for(process, after(events.WinnerNamed))
    process.communicate(timeout=60)
    recipe = place.search.recipe.read_text()
    song = place.folder / "sung"
    content = pickle.dumps(Canary(song))
    with closing(sqlite3.connect(place.home.ledger)) as ledger:  # as if another user had written it
        for file in place.search.weights.glob("*"):
            before = sha256(file.read_bytes()).hexdigest()
            file.write_bytes(content)
            change = "UPDATE events SET body = replace(body, ?, ?)"
            ledger.execute(change, (before, sha256(content).hexdigest()))
        ledger.commit()
    (place.folder / "pickled.yaml").write_bytes(content)
    (place.folder / "tagged.yaml").write_text(f"a: !!python/object/apply:os.system ['touch {song}']\n")
    (place.folder / "recipe.yaml").write_text(recipe)
    for command in (
        *(("status", "best", "logs", "watch", "export", "account", "mirror", "test", "resume")),
        *("verify recipe.yaml", "train recipe.yaml", "list", "ledger", "rescue"),
        *(f"{verb} {file}.yaml" for verb in ("check", "submit", "train", "verify") for file in FILES),
    ):
        words = command.split()
        done = place.run(*words, *([] if len(words) > 1 or words[0] in HOMEWIDE else ["tiny-1"]))
        assert "Traceback" not in done.stderr, (command, done.stderr)
        assert not song.exists(), command
    for file in place.home.root.glob("data/*/*.npy"):
        file.write_bytes(pickled_array(Canary(song)))
    place.home.ledger.write_bytes(content * 50)
    for command in (("resume", "tiny-1"), ("list",), ("rescue",), ("submit", "tiny.yaml")):
        done = place.run(*command)
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr
    assert not song.exists()


FILES = ("pickled", "tagged")
HOMEWIDE = ("list", "ledger", "rescue")


@pytest.mark.faults
def test_workers_do_not_load_a_pickle_as_a_checkpoint(place):
    process = place.start("submit", "tiny.yaml", "--json", TINY_SECONDS="1.2")
    place.wait_for(process, three_checkpoints)
    kill(process)
    place.wait_until_gone()
    song = place.folder / "sung"
    content = pickle.dumps(Canary(song))
    with closing(sqlite3.connect(place.home.ledger)) as ledger:
        for file in place.search.checkpoints.glob("*"):
            before = sha256(file.read_bytes()).hexdigest()
            file.write_bytes(content)
            change = "UPDATE events SET body = replace(body, ?, ?)"
            ledger.execute(change, (before, sha256(content).hexdigest()))
        ledger.commit()
    for file in place.home.root.glob("data/*/inputs.npy"):
        file.write_bytes(pickled_array(Canary(song)))
    place.resumed()
    messages = [e.event.message for e in place.record() if isinstance(e.event, events.Warned)]
    assert any("is not a valid safetensors file" in message for message in messages)
    assert not song.exists()


def test_files_of_a_search_are_private_and_in_its_home(place, tmp_path_factory):
    spec = place.folder / "tiny.yaml"
    spec.write_text(spec.read_text() + 'experiment: "../../../evil"\n')
    for wrong in (
        ["--name", "../evil"],
        ["--name", "/tmp/evil"],
        ["--set", "name=../evil"],
        ["--set", "trainable=../evil:Line"],
        ["--set", "trainable=/tmp/evil:Line"],
    ):
        assert place.run("submit", "tiny.yaml", *wrong).returncode == 2, wrong
    before = files(place.folder)
    scratch = Path(tempfile.mkdtemp(prefix="t", dir="/tmp"))  # Ray's sockets need a short path
    tokens = Path.home() / ".ray" / "auth_token"
    had_token = tokens.exists()
    environment = {"TMPDIR": str(scratch), "PYTHONDONTWRITEBYTECODE": "1"}
    process = place.start(
        *("submit", "tiny.yaml", "--json", "--tag", "../../evil=../../evil", "--set", "budget.trials=2"),
        **environment,
    )
    place.wait_for(process, after(events.Reported))
    (session,) = [folder for folder in scratch.iterdir() if folder.is_dir()]
    assert stat.S_IMODE(session.stat().st_mode) == 0o700
    assert tokens.exists() == had_token
    assert secrets_on_command_lines(process) == []
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["status"] == "done"
    new = {file for file in files(place.folder) - before if not file.is_relative_to(place.home.root)}
    assert new == {place.folder / "looks.txt"}
    (lock,) = scratch.iterdir()  # by which searches that begin at once take turns
    assert (lock.name, lock.stat().st_size) == (f"hpo-ray-start-{os.geteuid()}.lock", 0)
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600
    shutil.rmtree(scratch)
    assert stat.S_IMODE(place.home.root.stat().st_mode) == 0o700
    assert all(file.resolve().is_relative_to(place.home.root) for file in place.home.root.rglob("*"))


def files(folder):
    return {file for file in folder.rglob("*") if file.is_file()}


def secrets_on_command_lines(process):
    """Command lines that show the token of the search's Ray to every user of the machine."""
    shown = []
    for child in psutil.Process(process.pid).children(recursive=True):
        token = child.environ().get("RAY_AUTH_TOKEN")
        shown += [child.cmdline()] if token and token in " ".join(child.cmdline()) else []
    return shown
