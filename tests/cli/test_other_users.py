"""What another user of the machine can do with a home: nothing. Shown as ``nobody`` where root tests."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from hpo.cli import main as command
from hpo.core.private_files import TRUSTED
from hpo.core.temporary_folders import temporary_folder
from hpo.core.visible_text import CONTROL
from hpo.ledger.register import Register, Use
from tests.cli.conftest import ROOT
from tests.cli.test_hostile_text import EVIL, SHOWN, planted
from tests.use_cases.recorded_search import recorded, won

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run something as another user")


@pytest.fixture
def reachable():
    """A folder that everybody can pass through, and nobody else can list."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def as_nobody(*words):
    """Exit code of a program that another user runs."""
    nobody = pwd.getpwnam("nobody")
    rights = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    ran = subprocess.run(words, **rights, cwd="/", capture_output=True, check=False)
    return ran.returncode


def test_another_user_reads_and_writes_nothing_of_a_home(reachable):
    home = recorded(reachable, won())
    Register(reachable / "register" / "register.db").all()
    logs = home.search("digits").logs
    logs.mkdir(parents=True)
    (logs / "1-0.log").write_text("printed")
    assert as_nobody("test", "-x", str(reachable)) == 0
    for path in (home.root, home.ledger, logs / "1-0.log", reachable / "register" / "register.db"):
        assert as_nobody("head", "-c1", str(path)) != 0
        assert as_nobody("touch", str(path)) != 0
        assert as_nobody("rm", "-rf", str(path)) != 0
        assert path.exists()
    assert as_nobody("ls", str(home.root)) != 0


def test_another_user_cannot_look_into_a_temporary_folder(reachable, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(reachable))
    with temporary_folder("test-") as folder:
        (folder / "rows").write_text("rows")
        assert as_nobody("ls", str(folder)) != 0
        assert as_nobody("cat", str(folder / "rows")) != 0


@pytest.mark.parametrize("words", [["list"], ["status", "digits"], ["resume", "digits"], ["rescue"]])
def test_a_home_of_another_user_is_refused(words, reachable, capfd):
    home = recorded(reachable, won())
    os.chown(home.root, pwd.getpwnam("nobody").pw_uid, -1)
    with pytest.raises(SystemExit) as left:
        command.main([*words, "--home", str(home.root)])
    assert left.value.code == 2
    assert "belongs to another user" in capfd.readouterr().err


def test_code_of_another_user_is_not_run_though_it_is_here(reachable, monkeypatch, capfd):
    monkeypatch.chdir(reachable)
    (reachable / "theirs.py").write_text(f"open({str(reachable / 'ran')!r}, 'w')\n")
    os.chown("theirs.py", pwd.getpwnam("nobody").pw_uid, -1)
    Path("spec.yaml").write_text("version: 1\ntrainable: theirs:Net\ndata: {source: digits}\n")
    with pytest.raises(SystemExit) as left:
        command.main(["check", "spec.yaml"])
    assert left.value.code == 2
    assert "belongs to another user" in capfd.readouterr().err
    assert not (reachable / "ran").exists()


@pytest.fixture
def theirs(reachable):
    """A folder of another user in a place that everybody can pass through."""
    folder = reachable / "theirs"
    folder.mkdir()
    os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
    return folder


def written_by_nobody(path, content):
    assert as_nobody("sh", "-c", 'printf %s "$1" > "$2"', "sh", content, str(path)) == 0
    assert path.owner() == "nobody"
    return str(path)


def test_what_another_user_planted_does_not_reach_the_terminal(theirs, monkeypatch, capfd):
    home = recorded(theirs, planted())
    logs = home.search("digits").logs
    logs.mkdir(parents=True)
    for path in (home.root, *home.root.rglob("*")):
        os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
    written_by_nobody(logs / "1-0.log", "printed " + EVIL.removesuffix("\rgone"))
    faulty = 'version: 1\n"\\e[2J\\u202e": 1\ndata: {source: "\\e]0;x"}\n'
    spec = written_by_nobody(theirs / "spec.yaml", faulty)
    table = written_by_nobody(theirs / "table.csv", f"a,b{EVIL}\n1,{EVIL}\n")
    read = (
        f"version: 1\ndata: {{source: csv, arguments: {{file: {table}, target: y}}}}\ntrainable: tabular\n"
        "objective: {metric: accuracy}\nspace: {learning_rate: {uniform: [0.1, 1]}}\nbudget: {trials: 2}\n"
    )
    monkeypatch.setenv(TRUSTED, str(home.root))
    shown = ""
    for words in (
        ["status", "digits"],
        ["trials", "digits"],
        ["logs", "digits"],
        ["account", "digits"],
        ["check", spec],
        ["check", written_by_nobody(theirs / "csv.yaml", read)],
    ):
        with pytest.raises(SystemExit):
            command.main([*words, "--home", str(home.root)])
        shown += "".join(capfd.readouterr())
    assert not CONTROL.search(shown)
    assert f"printed {SHOWN[:-6]}" in shown
    assert r"\x1b[2J\u202e" in shown


@pytest.mark.parametrize(
    "content", ["{" * 100_000, "a: &a [*a]", "a: !!python/object/apply:os.system [id]", r"\0"]
)
def test_a_file_of_another_user_that_is_made_to_harm_is_one_sentence(content, theirs, capfd):
    file = theirs / "file.yaml"
    assert as_nobody("sh", "-c", 'printf "%b" "$1" > "$2"', "sh", content, str(file)) == 0
    for words in (["check", file], ["predict", file, file], ["verify", file]):
        with pytest.raises(SystemExit) as left:
            command.main([str(word) for word in (*words, "--home", theirs / "home")])
        assert left.value.code == 2
        shown = capfd.readouterr()
        assert "Traceback" not in shown.err
        assert 0 < len(shown.err) < 1500


def test_a_link_of_another_user_is_not_followed(theirs, reachable, monkeypatch, capfd):
    victim = reachable / "victim"
    victim.write_text("precious")
    home = recorded(theirs, list(won())[:-3])
    folder = home.search("digits").root
    folder.mkdir(parents=True)
    for path in (home.root, *home.root.rglob("*")):
        os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
    monkeypatch.setenv(TRUSTED, str(home.root))
    for name in ("recipe.yaml", "account.txt", "mirror.log"):
        assert as_nobody("ln", "-s", str(victim), str(folder / name)) == 0
        with pytest.raises(SystemExit) as left:
            command.main(["resume", "digits", "--home", str(home.root)])
        assert left.value.code == 2
        assert f"{name} is a symbolic link" in capfd.readouterr().err
        (folder / name).unlink()
    assert victim.read_text() == "precious"


OPENINGS = """
import contextlib, io, os, sys
from hpo.cli import main
refused, allowed = sys.argv[1:]
def openings(register):
    os.environ["HPO_REGISTER"] = register
    with contextlib.suppress(SystemExit):
        main.main(["service", "openings"])
with contextlib.redirect_stdout(io.StringIO()):
    openings(allowed)  # imports everything while the interpreter's own files can be read
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
openings(refused)
"""


@pytest.mark.parametrize(
    ("file", "folder", "sentence"),
    [
        (0o644, 0o755, "cannot be written: Permission denied; HPO_REGISTER names another"),
        (0o600, 0o755, "cannot be written: Permission denied; HPO_REGISTER names another"),
        (0o600, 0o700, "cannot be written: Permission denied; HPO_REGISTER names another"),
        (0o666, 0o755, "cannot be used: attempt to write a readonly database; this user needs to write to"),
    ],
    ids=["read-only file", "unreadable file", "unreachable folder", "read-only folder"],
)
def test_a_register_that_another_user_cannot_write_is_one_sentence(file, folder, sentence, reachable):
    path = reachable / "team" / "register.db"
    Register(path).record_use(Use("k", "small", "me", 3, b""))
    path.chmod(file)
    path.parent.chmod(folder)
    before = path.read_bytes()
    Register(reachable / "allowed.db")
    words = [sys.executable, "-c", OPENINGS, str(path), str(reachable / "allowed.db")]
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    (line,) = ran.stderr.splitlines()
    assert line.startswith(f"the test-use register at {path} {sentence}")
    assert ran.stdout == ""
    assert path.read_bytes() == before
