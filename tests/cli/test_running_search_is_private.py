"""Another user of the machine learns nothing from a running search. Shown as ``nobody``."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.cli import test_end_to_end
from tests.cli.conftest import ROOT

PASSWORD = "geheim-4711"
TRACKING = f"http://me:{PASSWORD}@127.0.0.1:1"

STRANGER = """
import json, os, sys
processes, folders = json.load(sys.stdin)
paths = [f"/proc/{pid}/{name}" for pid in processes for name in ("cmdline", "environ", "maps", "mem")]
for folder in folders:
    paths += [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
paths = [path for path in paths if os.path.isfile(path)]
for path in paths:
    try:
        sys.stdout.write(open(path, errors="replace").read())
    except OSError:
        pass
"""

CLIENT = """
import sys
from ray._raylet import GcsClient
print("ANSWERED", len(GcsClient(address=sys.argv[1]).internal_kv_keys(b"", None, timeout=30)))
"""

PYTHON = shutil.which("python3", path="/usr/bin:/bin")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(os.geteuid() != 0 or PYTHON is None, reason="only root can act as another user"),
]


@pytest.fixture
def reachable():
    """A folder that everybody can pass through, and nobody else can list."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def running(reachable):
    """The process of a search that trains, in an embedded Ray, with a password in the tracking address."""
    waiting = f"import os\ndef wait():\n    open({str(reachable / 'gate')!r}).close()\n"
    training = test_end_to_end.MODEL.replace(
        "            model.line -=", "            wait()\n            model.line -="
    )
    os.mkfifo(reachable / "gate", 0o600)
    (reachable / "tiny_data.py").write_text(test_end_to_end.DATA)
    (reachable / "tiny_model.py").write_text(waiting + training)
    (reachable / "tiny.yaml").write_text(test_end_to_end.SPEC)
    temporary = reachable / "t"
    temporary.mkdir()
    temporary.chmod(0o1777)
    environ = {
        **os.environ,
        "TMPDIR": str(temporary),
        "MLFLOW_TRACKING_URI": TRACKING,
        "PYTHONPATH": str(ROOT),
    }
    words = [sys.executable, "-m", "hpo.cli.main", "submit", "tiny.yaml", "--no-test"]
    with (reachable / "output.txt").open("w") as file:
        process = psutil.Popen(words, cwd=reachable, env=environ, stdout=file, stderr=file)
    with open(reachable / "gate", "w"):  # opens as soon as a trial waits for it
        yield process
        for child in process.children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
        process.kill()
        process.wait()


def environment(processes, name):
    """The values of a variable among processes."""
    values = set()
    for process in processes:
        with suppress(psutil.Error):
            values.add(process.environ().get(name))
    return values - {None}


def test_another_user_reads_neither_passwords_nor_tokens_nor_rows(running, reachable):
    family = [running, *running.children(recursive=True)]
    (token,) = environment(family, "RAY_AUTH_TOKEN")
    assert environment(family, "MLFLOW_TRACKING_URI") == {TRACKING}
    question = json.dumps([[process.pid for process in family], [str(reachable), str(reachable / "t")]])
    words = [PYTHON, "-c", STRANGER]
    done = subprocess.run(
        words, input=question, user="nobody", cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "hpo.cli.main" in done.stdout  # the command lines
    for secret in (PASSWORD, token, "tiny_data:waves"):
        assert secret not in done.stdout


def test_ray_listens_on_the_loopback_device_only_and_needs_its_token(running):
    family = [running, *running.children(recursive=True)]
    listening = [
        (process, connection.laddr)
        for process in family
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert {address.ip.removeprefix("::ffff:") for _, address in listening} <= {"127.0.0.1", "::1"}
    (port,) = {address.port for process, address in listening if process.name() == "gcs_server"}
    (token,) = environment(family, "RAY_AUTH_TOKEN")
    others = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    owner = {**others, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    outputs = {}
    for name, environ in (("owner", owner), ("others", others)):
        words = [sys.executable, "-c", CLIENT, f"127.0.0.1:{port}"]
        done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=120, check=False)
        outputs[name] = done.stdout + done.stderr
    assert "ANSWERED" in outputs["owner"]
    assert "ANSWERED" not in outputs["others"]
    assert re.search("unauthenticated", outputs["others"], re.I), outputs
