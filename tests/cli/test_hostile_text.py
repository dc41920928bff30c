"""Control characters in untrusted text never reach the terminal."""

import dataclasses
import json
import os
import pty
import subprocess
import sys

import pytest

from hpo.cli import main as command
from hpo.core import events
from hpo.core.events import Cause, End
from hpo.core.visible_text import CONTROL
from tests.cli.conftest import ROOT
from tests.use_cases.recorded_search import SPLIT, recorded, won

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\rgone"
"""Sets a title, clears the screen, sets colours, reverses the writing direction, overwrites a line."""

SHOWN = r"\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\rgone"


def planted():
    """The record of a search with the sequences in everything that is not the service's own text."""
    for event in won():
        match event:
            case events.TrialStarted():
                point = {"learning_rate": f"a{EVIL}", f"augment{EVIL}": f"b{EVIL}\nc"}
                yield dataclasses.replace(event, point=point, recipe=point)
            case events.Reported():
                yield dataclasses.replace(event, metrics={**event.metrics, f"validation/{EVIL}": 0.5})
            case events.TrialEnded(end=End.FAILED):
                yield dataclasses.replace(event, cause=Cause.CODE_ERROR, message=f"KeyError: {EVIL}")
            case events.WinnerNamed():
                yield dataclasses.replace(event, reason=f"best{EVIL}")
            case events.TestScored():
                scores = {**event.scores, f"recall{EVIL}": {"value": 0.5, "low": 0.4, "high": 0.6}}
                yield dataclasses.replace(event, scores=scores)
                yield events.RecipeExported(f"/home/{EVIL}.yaml", "e" * 64)
                yield events.Warned(f"labels {EVIL}")
            case events.SearchEnded():
                yield dataclasses.replace(event, reason=f"spent{EVIL}")
            case _:
                yield event


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    split = {"classes": [f"cat{EVIL}"], "counts": {**SPLIT["counts"], EVIL: 9}}
    home = recorded(tmp_path_factory.mktemp("planted"), planted(), split=split, tags={f"team{EVIL}": EVIL})
    logs = home.search("digits").logs
    logs.mkdir(parents=True)
    overwritten = EVIL.removesuffix("\rgone")  # of a log only what a terminal shows is printed
    (logs / "1-0.log").write_text(f"printed {overwritten}\n")
    return home


COMMANDS = {
    "list": "digits",
    "status digits": "recall",
    "best digits": SHOWN,
    "trials digits": SHOWN,
    "trial digits 1": SHOWN,
    "trial digits 5": SHOWN,
    "logs digits": f"printed {SHOWN[:-6]}",
    "logs digits --follow": f"printed {SHOWN[:-6]}",
    "watch digits": SHOWN,
    "account digits": SHOWN,
    "account digits --methods": SHOWN,
    "account digits --methods --latex": "gone",
    "account digits --checklist": "",
    "audit digits": "",
    "data digits": "",
}


@pytest.mark.parametrize("words", COMMANDS)
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_every_command_shows_planted_sequences_escaped(words, form, home, capfd):
    with pytest.raises(SystemExit):
        command.main([*words.split(), *form, "--home", str(home.root)])
    shown = capfd.readouterr()
    assert form or COMMANDS[words] in shown.out
    assert not CONTROL.search(shown.out + shown.err)


def test_errors_name_what_is_wrong_escaped(home, tmp_path, capfd):
    spec = tmp_path / f"spec{EVIL.replace('/', '')}.yaml"
    spec.write_text('version: 1\n"\\e[2J\\u202e": 1\ndata: {source: "\\e]0;owned\\a"}\n')
    for words in (["check", str(spec)], ["check", EVIL], ["status", EVIL], ["trial", EVIL, "1"]):
        for form in ([], ["--json"]):
            with pytest.raises(SystemExit) as left:
                command.main([*words, *form, "--home", str(home.root)])
            assert left.value.code == 2
            shown = capfd.readouterr()
            assert r"\x1b" in shown.err
            assert not CONTROL.search(shown.out + shown.err)


@pytest.mark.parametrize(
    "words",
    [
        [f"--{EVIL}"],
        [EVIL],
        ["list", f"--{EVIL}"],
        ["best", "digits", EVIL],
        ["service", EVIL],
        ["profile", f"--{EVIL}=1"],
        ["trials", "digits", "--limit", EVIL],
        ["submit", "digits", "--set", EVIL],
        ["data", EVIL, "--profile", EVIL],
    ],
)
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_mistakes_on_the_command_line_are_quoted_escaped(words, form, capfd):
    with pytest.raises(SystemExit) as left:
        command.main([*form, *words])
    shown = capfd.readouterr()
    assert left.value.code == 2
    assert shown.err
    assert not CONTROL.search(shown.out + shown.err)
    if form:
        assert json.loads(shown.out)["exit_code"] == 2


def test_logs_are_printed_as_they_are_if_asked(home, capfd):
    for words in (["logs", "digits", "--raw"], ["logs", "digits", "--raw", "--follow"]):
        with pytest.raises(SystemExit):
            command.main([*words, "--home", str(home.root)])
        assert EVIL.partition("\r")[0] in capfd.readouterr().out


def on_a_terminal(code):
    """Return what a terminal receives from a piece of Python code."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", code], stdout=theirs, stderr=theirs, stdin=theirs, cwd=ROOT):
        os.close(theirs)
        received = b""
        try:
            while piece := os.read(ours, 65_536):
                received += piece
        except OSError:  # how Linux tells that a terminal's other side has been closed
            pass
    os.close(ours)
    return received.decode(errors="surrogateescape")


def test_what_training_code_prints_reaches_a_terminal_escaped_and_at_once():
    code = (
        "import os, subprocess\n"
        "from hpo.cli.session import own_stdout\n"
        "with own_stdout() as stream:\n"
        f"    print({EVIL!r})\n"
        f"    subprocess.run(['printf', {EVIL!r}])\n"
        "    os.write(2, b'a prompt> ')\n"
        "    stream.write('result\\n')\n"
    )
    received = on_a_terminal(code)
    assert not CONTROL.search(received)
    for shown in (r"\x1b]0;owned\x07\x1b[2J\x9b31m\u202e", "gone", "a prompt> ", "result"):
        assert shown in received


def test_a_live_table_shows_lines_of_others_escaped():
    code = (
        "import os\n"
        "from hpo.cli.session import console\n"
        "from hpo.cli.live_table import LiveTable\n"
        "with LiveTable(console(), lambda history: 0.0).shown() as table:\n"
        "    table.begin('digits')\n"
        "    os.write(2, b'\\x1b]0;owned\\x07 of a library\\n')\n"
    )
    received = on_a_terminal(code)
    assert r"\x1b]0;owned\x07 of a library" in received
    assert "\x1b]0;" not in received


def test_a_file_gets_csv_and_recipes_unchanged(home, capfd):
    with pytest.raises(SystemExit):
        command.main(["trials", "digits", "--csv", "--home", str(home.root)])
    assert EVIL in capfd.readouterr().out.replace("\r\n", "\n")
