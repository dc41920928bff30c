"""The command itself: fast help, global options anywhere, errors without tracebacks."""

import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from hpo.cli import commands
from hpo.cli import main as command
from hpo.core.errors import (
    Fault,
    HpoError,
    Interrupted,
    InvalidSpec,
    NoTrialSucceeded,
    Refused,
    UserError,
)

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
    assert "examples" in ran.stdout


HEADINGS = ["Write a spec", "Run a search", "Look at searches", "Use the recipe"]
MOST_COMMANDS = 32


def sections_of(page):
    """Lines below each heading of a help page."""
    sections = {}
    for line in page.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            sections[line[:-1]] = []
        elif line.strip() and sections:
            sections[list(sections)[-1]].append(line)
    return sections


def test_help_groups_commands_under_four_headings_and_cuts_no_summary(hpo):
    page = hpo("--help", COLUMNS="80").stdout
    sections = sections_of(page)
    assert list(sections) == ["Options", *HEADINGS]
    visible = [each for each in commands.COMMANDS if not each.hidden]
    groups = [
        commands.Command(HEADINGS[1], name, print, summary)
        for name, summary in (
            (commands.SERVICE, commands.SERVICE_SUMMARY),
            (commands.PROFILE, commands.PROFILE_SUMMARY),
        )
    ]
    after_run = [each.heading for each in visible].index(HEADINGS[2])
    visible[after_run:after_run] = groups
    for heading in HEADINGS:
        expected = [(each.name, each.summary) for each in visible if each.heading == heading]
        assert [tuple(line.strip().split(maxsplit=1)) for line in sections[heading]] == expected
    assert max(map(len, page.splitlines())) <= 80
    assert "..." not in page.partition("Options:")[2]
    assert len(visible) <= MOST_COMMANDS
    assert all(0 < len(each.summary) <= 60 and each.summary.endswith(".") for each in visible)


def test_a_summary_that_would_be_cut_is_refused():
    with pytest.raises(ValueError, match="61 of 60"):
        commands.Command(HEADINGS[0], "check", print, "x" * 61)


@pytest.mark.parametrize(
    ("former", "name"),
    [("ledger", "service openings"), ("spaces", "examples"), ("openings", "service openings")],
)
def test_a_former_name_still_works_and_is_not_listed(former, name, hpo, tmp_path):
    register = str(tmp_path / "register.db")
    ran = [hpo(*each.split(), "--json", HPO_REGISTER=register) for each in (former, name)]
    assert [each.returncode for each in ran] == [0, 0]
    assert ran[0].stdout == ran[1].stdout
    assert {each.name: each for each in commands.COMMANDS}[former].hidden
    listed = commands.SERVICE_COMMANDS if name.startswith("service ") else commands.COMMANDS
    assert not {each.name: each for each in listed}[name.split()[-1]].hidden


def test_shell_completion_can_be_installed_and_imports_no_framework(hpo, tmp_path):
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}  # otherwise that of the process above
    installed = hpo("--install-completion", "bash", HOME=str(tmp_path), **named)
    assert installed.returncode == 0, installed.stderr
    assert "_HPO_COMPLETE" in (tmp_path / ".bash_completions" / "hpo.sh").read_text()
    frameworks = set(HEAVY) - {"rich", "pydantic"}  # Typer itself completes with these two
    code = (
        "import atexit, os, sys\n"
        f"atexit.register(lambda: os._exit(9) if {frameworks!r} & sys.modules.keys() else None)\n"
        "from hpo.cli.main import main\n"
        "main([])"
    )
    typed = {"_HPO_COMPLETE": "complete_bash", "COMP_WORDS": "hpo st", "COMP_CWORD": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | typed, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout.split()) == (0, ["stop", "status"]), ran.stderr


def test_every_command_has_a_help_that_names_the_global_options(capsys):
    everything = [[each.name] for each in commands.COMMANDS]
    everything += [["service", each.name] for each in commands.SERVICE_COMMANDS]
    for words in (*everything, ["service"]):
        with pytest.raises(SystemExit) as left:
            command.main([*words, "--help"])
        assert left.value.code == 0
        shown = capsys.readouterr().out
        assert f"hpo {' '.join(words)}" in shown
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
def test_global_options_are_accepted_anywhere(typed, ordered):
    assert command._in_front(typed) == ordered


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (UserError("no such thing"), 2, "no such thing"),
        (Refused("test already opened"), 3, "test already opened"),
        (
            InvalidSpec("spec.yaml", [Fault("space.rate", "3 is not a range", 7), Fault("name", "empty")]),
            2,
            "spec.yaml: 2 faults\n  spec.yaml:7: space.rate: 3 is not a range\n  spec.yaml:1: name: empty",
        ),
        (NoTrialSucceeded("no trial produced a usable model"), 4, "no trial produced a usable model"),
        (HpoError("the cluster is gone"), 1, "the cluster is gone"),
        (Interrupted("digits-1", 2), 130, "digits-1 was stopped by a signal"),
        (Interrupted("digits-1", 15), 143, "digits-1 was stopped by a signal"),
    ],
)
def test_errors_end_with_their_message_and_exit_code(error, code, words, monkeypatch, capsys):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(command, "app", fail)
    with pytest.raises(SystemExit) as left:
        command.main([])
    assert left.value.code == code
    assert capsys.readouterr() == ("", f"{words}\n")


@pytest.mark.parametrize("typed", [["list", "--json"], ["--home", "x", "--json", "list"]])
def test_with_json_an_error_is_json_too(typed, monkeypatch, capsys):
    def fail(*_, **__):
        raise Refused("test already opened")

    monkeypatch.setattr(command, "app", fail)
    with pytest.raises(SystemExit):
        command.main(typed)
    assert json.loads(capsys.readouterr().out) == {"error": "test already opened", "exit_code": 3}


@pytest.mark.parametrize(
    ("ends", "code", "message"),
    [
        (KeyboardInterrupt, 130, "ended by Ctrl-C"),
        (lambda: 130, 130, "ended by Ctrl-C"),  # Typer catches it and returns its exit code
        (lambda: os.kill(os.getpid(), signal.SIGTERM), 143, "ended by SIGTERM"),
    ],
)
def test_a_signal_ends_a_command_with_a_message(ends, code, message, monkeypatch, capsys):
    before = signal.getsignal(signal.SIGTERM)

    def interrupted(*_, **__):
        outcome = ends()
        if isinstance(outcome, int):
            return outcome
        raise outcome

    monkeypatch.setattr(command, "app", interrupted)
    with pytest.raises(SystemExit) as left:
        command.main(["list"])
    assert left.value.code == code
    assert capsys.readouterr().err == f"{message}\n"
    assert signal.getsignal(signal.SIGTERM) is before


PRESSED = """
import os, signal, sys

class Pressed:
    def find_spec(self, name, *_):
        if name == {during!r}:
            os.kill(os.getpid(), signal.SIGINT)

from hpo.cli.entry import main
ours = {{name for name in sys.modules if name.startswith(("hpo.", "typer"))}}
assert ours == {{"hpo.cli", "hpo.cli.entry"}}
sys.meta_path.insert(0, Pressed())
main()
"""


@pytest.mark.parametrize("during", ["hpo.cli.main", "typer", "hpo.core.home"])
def test_ctrl_c_while_importing_ends_with_a_message(during):
    code = PRESSED.format(during=during)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "ended by Ctrl-C\n")


def test_the_installed_command_handles_ctrl_c():
    project = Path(__file__).parents[2] / "pyproject.toml"
    assert tomllib.loads(project.read_text())["project"]["scripts"] == {"hpo": "hpo.cli.entry:main"}


LONG = "n" * 5000
ON_A_SPEC = ("check", "data", "submit", "ablate")
ON_A_SEARCH = (
    "status",
    "resume",
    "stop",
    "test",
    "mirror",
    "account",
    "export",
    "refine",
    "watch",
    "best",
    "logs",
)


@pytest.mark.parametrize("word", [*ON_A_SPEC, *ON_A_SEARCH])
def test_a_missing_file_or_search_is_an_error_and_creates_nothing(word, tmp_path, monkeypatch, capsys):
    for home in (tmp_path / "none", tmp_path):
        with pytest.raises(SystemExit) as left:
            command.main([word, LONG, "--home", str(home)])
        assert left.value.code == 2
        assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("home", ["a file", "a file/below", "/proc/none"])
def test_an_impossible_home_is_an_error(home, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a file").write_text("")
    with pytest.raises(SystemExit) as left:
        command.main(["--home", home, "submit", "digits"])
    assert left.value.code == 2
    assert "--home" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["+0", "x", "-5", "+" + "9" * 5000, "1" + "0" * 9])
def test_a_number_of_trials_is_within_bounds(number, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        command.main(["--home", str(tmp_path), "resume", "digits-1", "--trials", number])
    assert left.value.code == 2
    assert len(capsys.readouterr().err) < 300


@pytest.mark.parametrize("typed", [["nonsense"], ["examples", "--nonsense"], ["--home"], []])
def test_typing_mistakes_exit_2_without_a_traceback(typed, hpo):
    ran = hpo(*typed)
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr


def test_version(hpo):
    assert hpo("--version").stdout.startswith("hpo ")


def test_examples_lists_what_ships(hpo):
    ran = hpo("examples", "--json")
    assert ran.returncode == 0, ran.stderr
    assert all(set(each) == {"path", "about"} for each in json.loads(ran.stdout))


def test_help_answers_at_once():
    """A limit against hanging; what must not be imported is tested above."""
    subprocess.run(
        [sys.executable, "-m", "hpo.cli.main", "--help"], check=True, capture_output=True, timeout=60
    )
