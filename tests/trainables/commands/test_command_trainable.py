"""A script that is run for each training: reports, checkpoints, and that nothing of it stays."""

import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from hpo.core.command import ScriptCommand
from hpo.core.errors import UserError
from hpo.core.recipe import Recipe
from hpo.core.script_report import report
from hpo.core.trainable import DataInfo, Examples
from hpo.core.user_code import code_digests
from tests.trainables.recorder import Interrupted, Recorder
from trainables.commands.command_trainable import CommandTrainable
from trainables.commands.running_command import RunningCommand

ARGUMENTS = ("python", "fit.py", "{rate}", "{resume}", "{epochs}", "{data}")
SCRIPT = """
import json, os, sys
import hpo

rate, file, epochs, data = float(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
assert sorted(os.listdir(data)) == ["train", "validation"]
weight, done = json.load(open(file)) if os.path.exists(file) else (1.0, 0)
for epoch in range(done, epochs):
    weight *= 1 - rate
    with open(file, "w") as out:
        json.dump([weight, epoch + 1], out)
    hpo.report({"loss": weight, "train/loss": 2 * weight})
"""
SCORE = """
import json, sys
import hpo, numpy
weight, _ = json.load(open(sys.argv[1]))
hpo.report(loss=weight + 0 * numpy.load(sys.argv[2] + "/targets.npy"))
"""


def rows(count):
    info = DataInfo("table", "regression", (1,))
    return Examples(np.zeros((9, 1)), np.arange(9.0), np.arange(count), info)


@pytest.fixture
def trained(tmp_path):
    (tmp_path / "fit.py").write_text(SCRIPT)
    (tmp_path / "score.py").write_text(SCORE)
    evaluate = ("python", "score.py", "{resume}", "{data}")

    def train(arguments=ARGUMENTS, pattern="", **context):
        command = ScriptCommand(arguments, {"loss": "min"}, {"rate": "float"}, evaluate, pattern)
        trainable = CommandTrainable(command, tmp_path)
        recorder = Recorder(**context)
        recorder.folder, recorder.trial, recorder.replicate = tmp_path / "trial", 0, 0
        with suppress(Interrupted):
            trainable.train(Recipe({"rate": 0.5}), rows(6), rows(3), recorder)
        return trainable, recorder

    return train


def test_each_report_is_an_epoch(trained):
    _, recorder = trained(horizon=3)
    assert [report["validation/loss"] for report in recorder.reports] == [0.5, 0.25, 0.125]
    assert recorder.reports[0]["train/loss"] == 1.0


def test_it_continues_from_its_checkpoint(trained):
    _, first = trained(horizon=4, interrupt_after=2)
    _, second = trained(horizon=4, checkpoint=(2, first.state))
    assert [report["validation/loss"] for report in second.reports] == [0.125, 0.0625]


def test_its_checkpoint_is_scored_by_the_command_that_evaluates(trained):
    trainable, recorder = trained(horizon=3)
    model = trainable.load(Recipe({"rate": 0.5}), recorder.weights[-1], rows(3).info)
    assert trainable.evaluate([model], rows(4))["loss"].tolist() == [0.125] * 4


def running(tmp_path, script, pattern="", grace=1.0):
    return RunningCommand([sys.executable, "-c", script], tmp_path, ["loss", "accuracy"], pattern, grace, 1)


def test_printed_lines_are_found_by_the_pattern(tmp_path):
    script = "for n in range(2): print(f'loss={n}.5', end='\\r'); print(f'x accuracy={n} y')"
    with running(tmp_path, script, r"(?P<name>\w+)=(?P<value>\S+)") as command:
        reports = [dict(report) for report in command.reports()]
    assert reports == [{"loss": 0.5, "accuracy": 0}, {"loss": 1.5, "accuracy": 1}]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("raise ValueError('no such layer')", "exit code 1: ValueError: no such layer"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV"),
        ("import os; open(os.environ['HPO_REPORT'], 'w').write('loss 3\\n')", "one line of JSON"),
    ],
)
def test_a_script_that_fails_says_why(tmp_path, script, words):
    with pytest.raises(UserError, match=words), running(tmp_path, script) as command:
        list(command.reports())


def test_a_script_that_does_not_stop_is_killed_with_all_it_started(tmp_path):
    script = (
        "import json, os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: open('asked', 'w').close())\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open(os.environ['HPO_REPORT'], 'w').write(json.dumps({'loss': child.pid}) + '\\n')\n"
        "while True: time.sleep(600)\n"
    )
    with running(tmp_path, script, grace=0.3) as command:
        pid = int(next(command.reports())["loss"])
    assert (tmp_path / "asked").exists()
    status = Path(f"/proc/{pid}/stat")
    assert not status.exists() or status.read_text().split()[2] == "Z"


def test_what_it_runs_is_on_record_with_what_it_imports(tmp_path):
    (tmp_path / "fit.py").write_text("import part\nimport json")
    (tmp_path / "part.py").write_text("")
    name = ScriptCommand(ARGUMENTS, {"loss": "min"}).name
    assert list(code_digests(name, tmp_path)) == ["fit.py", "part.py"]


def test_a_report_outside_a_search_is_printed(capsys, monkeypatch):
    monkeypatch.delenv("HPO_REPORT", raising=False)
    report(loss=np.float32(0.5), accuracy=1)
    assert capsys.readouterr().out == "loss=0.5 accuracy=1.0\n"
    with pytest.raises(TypeError, match="loss is a dict"):
        report(loss={})
