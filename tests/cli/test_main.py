"""The command itself: help without weight, global options anywhere, errors without tracebacks."""

import json
import subprocess
import sys
import time

import pytest

from hpo.cli import main as command
from hpo.core.errors import Interrupted, InvalidSpec, Refused, UserError

HEAVY = ("torch", "ray", "mlflow", "optuna", "sqlalchemy", "pandas", "numpy", "pydantic", "rich")


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from hpo.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as left: assert left.code == 0\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.exit(f'loaded: {loaded}' if loaded else 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "spaces" in ran.stdout


def test_every_command_explains_itself_and_names_the_global_options(capsys):
    for name, _ in command.COMMANDS:
        with pytest.raises(SystemExit) as left:
            command.main([name, "--help"])
        assert left.value.code == 0
        shown = capsys.readouterr().out
        assert f"hpo {name}" in shown
        assert "--home DIR" in shown


@pytest.mark.parametrize(
    ("typed", "ordered"),
    [
        (["list", "--json"], ["--json", "list"]),
        (["list", "--home", "x", "a"], ["--home", "x", "list", "a"]),
        (["list", "--home=x", "--json"], ["--home=x", "--json", "list"]),
        (["list", "--", "--json"], ["list", "--", "--json"]),
        (["list", "--home"], ["--home", "list"]),
        ([], []),
    ],
)
def test_global_options_may_stand_anywhere(typed, ordered):
    assert command._in_front(typed) == ordered


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("no such thing"), 2),
        (Refused("test already opened"), 3),
        (InvalidSpec("spec.yaml", []), 2),
        (Interrupted("digits-1", 2), 130),
        (Interrupted("digits-1", 15), 143),
    ],
)
def test_errors_end_with_their_message_and_exit_code(error, code, monkeypatch, capsys):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(command, "app", fail)
    with pytest.raises(SystemExit) as left:
        command.main([])
    assert left.value.code == code
    shown = capsys.readouterr()
    assert str(error) in shown.err
    assert shown.out == ""


def test_an_interrupted_search_says_how_to_resume():
    assert "digits-1" in str(Interrupted("digits-1", 2))


@pytest.mark.parametrize("typed", [["nonsense"], ["spaces", "--nonsense"], ["--home"], []])
def test_typing_mistakes_exit_2_without_a_traceback(typed, hpo):
    ran = hpo(*typed)
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr


def test_version(hpo):
    assert hpo("--version").stdout.startswith("hpo ")


def test_spaces_lists_what_ships(hpo):
    ran = hpo("spaces", "--json")
    assert ran.returncode == 0, ran.stderr
    assert all(set(each) == {"path", "about"} for each in json.loads(ran.stdout))


def test_help_answers_at_once():
    """Ten times the promised 0.3 s, because machines that run tests are busy."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "hpo.cli.main", "--help"], check=True, capture_output=True)
    assert time.monotonic() - began < 3
