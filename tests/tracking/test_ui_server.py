import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.tracking import ui_guard, ui_server
from hpo.tracking.mirror import Mirror
from hpo.tracking.target import Target
from tests.s3_store import free_port
from tests.tracking.scenario import NAME, memory_ledger, opened, projection, started


def test_it_listens_only_on_this_machine_and_hides_the_address(home: Home) -> None:
    served = ui_server.prepare_ui_server(
        Target.of(home, {}), environ={"PATH": "/bin", "MLFLOW_TRACKING_URI": "x"}
    )
    assert served.argv[served.argv.index("--host") + 1] == "127.0.0.1"
    assert served.url.startswith("http://127.0.0.1:")
    assert served.environ["MLFLOW_BACKEND_STORE_URI"] == f"sqlite:///{home.tracking}"
    assert "MLFLOW_TRACKING_URI" not in served.environ
    assert home.tracking.exists()


def test_it_opens_on_the_runs_of_the_newest_search(home: Home) -> None:
    target = Target.of(home, {})
    assert "#/experiments?workflowType=machine_learning" in ui_server.prepare_ui_server(target).url
    ledger, folder = memory_ledger([opened(), started(0)]), home.search(NAME)
    Mirror(ledger, target.store("digits"), projection(home), folder).catch_up()
    assert "#/experiments/1/runs?workflowType=machine_learning" in ui_server.prepare_ui_server(target).url


def test_a_port_that_is_taken_is_named(home: Home) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} is in use"):
            ui_server.prepare_ui_server(Target.of(home, {}), port)


def test_another_port_is_used_if_none_was_requested(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setattr(ui_server, "USUAL_PORT", other.getsockname()[1])
        assert str(ui_server.USUAL_PORT) not in ui_server.prepare_ui_server(Target.of(home, {})).url


def test_the_ui_of_a_tracking_server_is_named(home: Home) -> None:
    with pytest.raises(UserError, match="open http://host:5000 in a browser"):
        ui_server.prepare_ui_server(Target.of(home, {"MLFLOW_TRACKING_URI": "http://host:5000"}))


def test_it_serves_without_an_access_log_and_ends_with_ctrl_c(home: Home, tmp_path: Path) -> None:
    served = ui_server.prepare_ui_server(Target.of(home, {}), free_port())
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            served.argv, env=dict(served.environ), start_new_session=True, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 120
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        while True:
            try:
                page = browser.open(served.url, timeout=10)
                break
            except (urllib.error.URLError, OSError):
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.2)
        with page:
            assert b"MLflow" in page.read()
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=60)
        assert "GET /" not in (tmp_path / "log").read_text()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_browser_is_opened_without_showing_the_token_in_a_command_line(
    home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    served = ui_server.prepare_ui_server(Target.of(home, {}), free_port())
    addresses: list[str] = []

    def browse(address: str) -> None:
        file = Path(address.removeprefix("file://"))
        addresses.append(address)
        assert json.dumps(served.url) in file.read_text()
        assert file.parent.stat().st_mode & 0o077 == 0
        os.kill(os.getpid(), signal.SIGINT)  # as soon as it is open, Ctrl-C ends the server

    assert served.run(browse) == 0
    assert len(addresses) == 1
    assert served.environ[ui_guard.TOKEN] not in addresses[0]
    assert not Path(addresses[0].removeprefix("file://")).exists()
    assert capfd.readouterr() == ("", "")  # neither MLflow's first lines nor a traceback for Ctrl-C
