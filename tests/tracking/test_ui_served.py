"""A running user interface is closed to other users of the machine and fully usable for its owner."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from hpo.core.home import Home
from hpo.tracking import ui_guard, ui_server
from hpo.tracking.mirror import Mirror
from hpo.tracking.target import Target
from tests.s3_store import free_port
from tests.tracking.browser import opened_page
from tests.tracking.scenario import NAME, memory_ledger, projection, search

Request = tuple[str, str, Any]
"""Method, path and body, which is sent as JSON."""


class Served:
    """A running user interface."""

    def __init__(self, server: ui_server.UiServer, folder: Path):
        self.url, self.token = server.url, server.environ[ui_guard.TOKEN]
        self.port = int(re.findall(r":(\d+)/", server.url)[0])
        self.log = folder / "server.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                server.argv, env=dict(server.environ), stdout=log, stderr=log, start_new_session=True
            )

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def await_start(self) -> None:
        deadline = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError):
                self.request("GET", "/health")
                return
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("ui")
    home = Home.at(folder / "home").create()
    target, files = Target.of(home, {}), home.search(NAME)
    files.root.mkdir(parents=True, exist_ok=True)
    Mirror(memory_ledger(search(files)), target.store("digits"), projection(home), files).catch_up()
    running = Served(ui_server.prepare_ui_server(target, free_port()), folder)
    try:
        running.await_start()
        yield running
    finally:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


ROUTES = """
import json
from mlflow.server import app as flask_app
from mlflow.server.fastapi_app import app
rules = [(m, r.rule) for r in flask_app.url_map.iter_rules() for m in r.methods]
for route in app.routes:
    router = getattr(route, "original_router", None)
    for inner in router.routes if router else ():
        rules += [(m, inner.path) for m in getattr(inner, "methods", None) or ()]
print(json.dumps(rules))
"""


@pytest.fixture(scope="module")
def routes() -> list[Request]:
    """Every method and path that the installed MLflow declares, as its own application lists them."""
    done = subprocess.run([sys.executable, "-c", ROUTES], capture_output=True, text=True, check=True)
    paths = [(method, re.sub(r"<[^>]*>|\{[^}]*\}", "1", rule)) for method, rule in json.loads(done.stdout)]
    assert len(paths) > 400
    return [(method, path, None) for method, path in paths]


STRANGER = """
import http.client, json, sys
port, pid, requests = json.load(sys.stdin)
statuses = []
for method, path, body in requests:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    content = None if body is None else json.dumps(body)
    connection.request(method, path, content, {"Content-Type": "application/json"})
    statuses.append(connection.getresponse().status)
    connection.close()
readable = open(f"/proc/{pid}/cmdline").read()
try:
    readable += open(f"/proc/{pid}/environ").read()
except PermissionError:
    pass
print(json.dumps([statuses, readable]))
"""


def asked_as_nobody(served: Served, requests: Sequence[Request]) -> tuple[list[int], str]:
    """Return the statuses that another user of the machine is answered, and what /proc shows them."""
    python = shutil.which("python3", path="/usr/bin:/bin")
    if os.geteuid() != 0 or python is None:
        pytest.skip("only root can act as another user, who needs a Python to run")
    done = subprocess.run(
        [python, "-c", STRANGER],
        input=json.dumps([served.port, served.process.pid, requests]),
        user="nobody",
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    statuses, readable = json.loads(done.stdout)
    return statuses, readable


def test_every_route_of_mlflow_needs_the_token(served: Served, routes: list[Request]) -> None:
    statuses = {(method, path): served.request(method, path)[0] for method, path, _ in routes}
    assert {route: status for route, status in statuses.items() if status != 401} == {}


def test_what_is_switched_off_is_switched_off_for_the_owner_too(
    served: Served, routes: list[Request]
) -> None:
    closed = [(method, path) for method, path, _ in routes if ui_guard.is_closed(path)]
    bearer = f"Bearer {served.token}"
    statuses = {route: served.request(*route, Authorization=bearer)[0] for route in closed}
    assert statuses
    assert set(statuses.values()) == {404}


def test_another_user_has_no_access_by_any_route(served: Served, routes: list[Request]) -> None:
    statuses, readable = asked_as_nobody(served, routes)
    assert statuses == [401] * len(routes)
    assert served.token not in readable


ATTACKS: list[Request] = [
    ("GET", "/static-files/index.html", None),
    ("POST", "/api/2.0/mlflow/experiments/create", {"name": "theirs", "artifact_location": "/tmp"}),
    ("POST", "/api/2.0/mlflow/experiments/delete", {"experiment_id": "1"}),
    ("POST", "/api/2.0/mlflow/runs/set-tag", {"run_id": "1", "key": "a", "value": "b"}),
    ("GET", "/get-artifact?path=secret&run_uuid=1", None),
    ("GET", "/ajax-api/3.0/mlflow/assistant/status", None),
    ("GET", "/?token=" + "x" * 43, None),
]


def test_another_user_can_neither_read_nor_write(served: Served) -> None:
    statuses, _ = asked_as_nobody(served, ATTACKS)
    assert statuses == [401] * len(ATTACKS)
    bearer = {"Authorization": f"Bearer {served.token}"}
    _, _, found = served.request("GET", "/api/2.0/mlflow/experiments/search?max_results=10", **bearer)
    experiments = json.loads(found)["experiments"]
    assert [(one["name"], one["lifecycle_stage"]) for one in experiments if one["name"] != "Default"] == [
        ("digits", "active")
    ]


def test_the_owner_reads_and_writes_notes_by_cookie_and_by_bearer(served: Served) -> None:
    status, headers, _ = served.request("GET", f"/?token={served.token}")
    assert status == 303
    cookie = {"Cookie": headers["set-cookie"].partition(";")[0], "Origin": f"http://127.0.0.1:{served.port}"}
    assert b"MLflow" in served.request("GET", headers["location"], **cookie)[2]
    note = {"experiment_id": "1", "key": "mlflow.note.content", "value": "a note"}
    path = "/ajax-api/2.0/mlflow/experiments/set-experiment-tag"
    assert served.request("POST", path, note, **cookie)[0] == 200
    bearer = {"Authorization": f"Bearer {served.token}"}
    _, _, shown = served.request("GET", "/api/2.0/mlflow/experiments/get?experiment_id=1", **bearer)
    assert {"key": "mlflow.note.content", "value": "a note"} in json.loads(shown)["experiment"]["tags"]


def test_the_log_never_contains_the_token(served: Served) -> None:
    served.request("GET", f"/?token={served.token}")
    assert served.token not in served.log.read_text()
    assert served.token not in " ".join(map(str, served.process.args))


RUN = "[...document.links].map(link => link.href).find(address => /runs.[0-9a-f]{32}$/.test(address))"
"""Address of the first run in the table of runs."""


@pytest.mark.slow
def test_the_owner_uses_notes_and_saved_views_in_a_browser(served: Served, tmp_path: Path) -> None:
    runs = f"http://127.0.0.1:{served.port}/#/experiments/1/runs"
    with opened_page(tmp_path / "first") as page:
        page.open(served.url)
        page.shows("digits-1")
        assert (
            page.value("localStorage.getItem('mlflow.assistant.panelOpen_v1')") is None
        )  # it would cover half
        assert served.token not in page.value("document.documentElement.outerHTML + location.href")
        page.open(f"{runs}?searchFilter=tags.kind%20%3D%20'search'")  # one run: that of the search
        page.click("[data-testid=saved-views-trigger]")
        page.click("[data-testid=saved-views-save-current]")
        page.write("[data-testid=save-view-name-input]", "only the search")
        page.click("[data-testid=save-view-save-button]")
        page.awaited("!document.querySelector('[data-testid=save-view-name-input]')")
        page.open(page.awaited(RUN))
        page.click("[aria-label='Edit description']")
        page.write("[data-testid=text-area]", "\n\nTo be tried with more data.")
        page.click("button", "Save")
        page.awaited("!document.querySelector('[data-testid=text-area]')")
        page.shows("To be tried with more data.")
        page.click("button", "Artifacts")
        page.shows("recipe.yaml")
        assert {status for status, address in page.statuses if "/runs/" in address} == {200}
    with opened_page(tmp_path / "second") as page:  # without what the first one remembers
        page.open(served.url)
        page.click("[data-testid=saved-views-trigger]")
        page.click("[role=menuitem]", "only the search")
        page.shows("1 matching run")
        page.open(page.awaited(RUN))
        page.shows("To be tried with more data.")
