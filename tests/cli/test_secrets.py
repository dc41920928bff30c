"""A password in an address is in no error, output, log, record, recipe and command line."""

import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from hpo.cli import main as command
from tests.cli import test_end_to_end
from tests.cli.conftest import ROOT
from tests.use_cases.recorded_search import recorded, won

SECRET = "Ge@heim-4711"
SPELLED = (SECRET, SECRET.replace("@", "%40"), "heim-4711")

SERVER = f"http://me:{SPELLED[1]}@127.0.0.1:1"
DATABASES = (
    f"postgresql://me:{SPELLED[1]}@127.0.0.1:1/x",
    f"postgresql://127.0.0.1:1/x?user=me&password={SPELLED[1]}",
    f"postgresql://me:{SECRET}@ho st:x/y",
    f"mysql://me:{SPELLED[1]}@127.0.0.1:1/x",
    f"nonsense://me:{SPELLED[1]}@127.0.0.1:1/x",
)
MIRRORED = (["mirror", "digits"], ["best", "digits"], ["status", "digits"])
PLACES = [
    *(("MLFLOW_TRACKING_URI", address, MIRRORED) for address in DATABASES),
    ("MLFLOW_TRACKING_URI", SERVER, (["ui", "--no-browser"], *MIRRORED)),
    ("MLFLOW_TRACKING_URI", f"http://me:{SECRET}@127.0.0.1:1/x?token={SECRET}", MIRRORED),
    *(("HPO_REGISTER", address, (["openings"], ["account", "digits"])) for address in DATABASES),
]


def traces(folder):
    """Files below a folder in which the password is."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return [file for file in files if any(word.encode() in file.read_bytes() for word in SPELLED)]


def run(*words):
    with pytest.raises(SystemExit) as left:
        command.main([str(word) for word in words])
    return left.value.code


@pytest.mark.parametrize(("variable", "address", "commands"), PLACES)
def test_no_command_prints_it_or_writes_it(variable, address, commands, tmp_path, monkeypatch, capfd):
    home = recorded(tmp_path, list(won())[:-3])
    monkeypatch.setenv(variable, address)
    for words in commands:
        for form in ([], ["--json"]):
            code = run(*words, *form, "--home", home.root)
            shown = capfd.readouterr()
            assert not [word for word in SPELLED if word in shown.out + shown.err]
            assert "Traceback" not in shown.err
            assert code in (0, 1, 2, 3)
    assert traces(tmp_path) == []


def test_the_address_of_a_cluster_is_printed_without_it(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    for form in ([], ["--json"]):
        assert run("submit", "digits", "--address", f"me:{SECRET}@127.0.0.1:1", *form) == 2
        shown = capfd.readouterr()
        assert "there is no Ray cluster" in shown.err
        assert not [word for word in SPELLED if word in shown.out + shown.err]


@pytest.mark.parametrize("source", ["env", "file"])
def test_the_password_of_a_profile_is_nowhere(source, tmp_path, monkeypatch, capfd):
    pytest.importorskip("psycopg", reason="the driver of PostgreSQL is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("TEAM_PASSWORD", SECRET)
    file = tmp_path / "password"
    file.write_text(SECRET)
    file.chmod(0o600)
    named = {"env": "--password-env=TEAM_PASSWORD", "file": f"--password-file={file}"}[source]
    addresses = ("--ledger=postgresql://me@127.0.0.1:1/x", "--store=/store", "--cluster=127.0.0.1:1")
    assert run("profile", "add", "team", *addresses, "--tracking=http://127.0.0.1:1", named) == 0
    assert (
        run("profile", "add", "bad", f"--ledger={DATABASES[0]}", *addresses[1:], "--tracking=http://a") == 2
    )
    for words in (
        ["list"],
        ["status", "digits"],
        ["submit", "digits"],
        ["openings"],
        ["profile", "show", "team"],
    ):
        for form in ([], ["--json"]):
            assert run("--profile", "team", *words, *form) in (0, 1, 2)
    shown = capfd.readouterr()
    assert not [word for word in SPELLED if word in shown.out + shown.err]
    assert "Traceback" not in shown.err
    file.unlink()
    assert traces(tmp_path) == []


def command_lines(process):
    """The command lines of a process and of all that it started."""
    for each in [process, *process.children(recursive=True)]:
        try:
            yield " ".join(each.cmdline())
        except psutil.Error:
            continue


@pytest.mark.slow
def test_a_search_with_a_dead_server_leaves_no_trace_of_it(tmp_path, monkeypatch):
    for name, text in (("tiny_data.py", test_end_to_end.DATA), ("tiny_model.py", test_end_to_end.MODEL)):
        (tmp_path / name).write_text(text)
    (tmp_path / "tiny.yaml").write_text(test_end_to_end.SPEC)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", SERVER)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    words = [sys.executable, "-m", "hpo.cli.main", "submit", "tiny.yaml", "--no-test", "--tag", "a=b"]
    output = tmp_path / "output.txt"
    seen = set()
    with output.open("w") as file:
        child = subprocess.Popen(words, cwd=tmp_path, stdout=file, stderr=subprocess.STDOUT)
        while child.poll() is None:
            seen.update(command_lines(psutil.Process(child.pid)))
            with suppress(subprocess.TimeoutExpired):
                child.wait(0.2)
    assert any("mirror_process" in line for line in seen)
    assert not [line for line in seen if any(word in line for word in SPELLED)]
    assert traces(tmp_path) == []
    assert (tmp_path / ".hpo" / "ledger.db").exists()
