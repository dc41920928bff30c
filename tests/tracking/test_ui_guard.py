"""The user interface is closed without the token and fully usable with it."""

from __future__ import annotations

import asyncio
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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpo.core.home import Home
from hpo.tracking import ui_guard, ui_server
from hpo.tracking.mirror import Mirror
from hpo.tracking.target import Target
from tests.tracking.scenario import NAME, memory_ledger, opened, projection, started

SECRET = "s" * 43
HERE = "127.0.0.1:5000"


def ask(
    method: str = "GET",
    path: str = "/",
    query: str = "",
    body: bytes = b"",
    artifacts: str = "",
    kind: str = "http",
    **headers: str,
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a guarded application that echoes what reaches it."""
    sent: list[dict[str, Any]] = []
    parts = [body[:3], body[3:]]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: Any) -> None:
        sent.append(message)

    async def echo(scope: Any, receive: Any, send: Any) -> None:
        content, more = b"", True
        while more:
            message = await receive()
            content, more = content + message["body"], message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"passed:" + content})

    fields = {"host": HERE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "server": ("127.0.0.1", 5000),
        "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
    }
    asyncio.run(ui_guard.Guard(echo, SECRET, artifacts)(scope, receive, send))
    if kind != "http":
        return sent[0]["code"], {}, b""
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answered, sent[1]["body"]


OWNER = {"authorization": f"Bearer {SECRET}"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer "},
        {"authorization": "Bearer " + "x" * 43},
        {"authorization": SECRET},
        {"authorization": f"Basic {SECRET}"},
        {"authorization": "Bearer \u00ff"},
        {"cookie": f"hpo_ui_5001={SECRET}"},
        {"cookie": f"hpo_ui={SECRET}"},
        {"cookie": "hpo_ui_5000="},
        {"cookie": "\x00=;;=,"},
    ],
)
def test_without_the_token_every_request_is_refused(headers: dict[str, str]) -> None:
    assert ask(**headers)[0] == 401
    assert ask(path="/health", **headers)[0] == 401
    assert ask(path="/static-files/main.js", **headers)[0] == 401


@pytest.mark.parametrize("headers", [OWNER, {"cookie": f"other=1; hpo_ui_5000={SECRET}; more=2"}])
def test_with_the_token_requests_pass_unchanged(headers: dict[str, str]) -> None:
    assert ask("POST", "/api", body=b"something", **headers)[2] == b"passed:something"
    assert ask(origin=f"http://{HERE}", sec_fetch_site="same-origin", **headers)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:5001"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://[broken"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_requests_from_other_pages_are_refused_even_with_the_token(headers: dict[str, str]) -> None:
    assert ask("POST", **headers, **OWNER)[0] == 403


def test_a_link_with_the_token_becomes_a_cookie_and_a_redirect() -> None:
    status, headers, _ = ask(path="/a b", query=f"x=1&token={SECRET}&y=%20")
    assert (status, headers["location"]) == (303, "/a%20b?x=1&y=+")
    assert headers["set-cookie"] == f"hpo_ui_5000={SECRET}; HttpOnly; SameSite=Strict; Path=/"
    assert headers["cache-control"] == "no-store"
    assert ask(query="token=wrong")[0] == 401
    assert ask(query=f"token={SECRET}&token=wrong")[0] == 401
    assert ask("POST", query=f"token={SECRET}")[0] == 401
    assert ask(path="//evil.example/", query=f"token={SECRET}")[1]["location"] == "/evil.example/"


def test_a_link_from_another_page_is_reloaded_by_a_script() -> None:
    status, headers, body = ask(query=f"token={SECRET}", sec_fetch_site="cross-site")
    assert (status, "location" in headers) == (200, False)
    assert b"location.replace(location.pathname + location.hash)" in body


@pytest.mark.parametrize(
    "path",
    [
        "/ajax-api/3.0/mlflow/assistant/status",
        "/gateway/mine/mlflow/invocations",
        "//gateway//x",
        "/GATEWAY/x",
        "/api/3.0/mlflow/gateway/secrets/list",
        "/ajax-api/2.0/mlflow/gateway-proxy",
        "/ajax-api/3.0/jobs/1",
        "/ajax-api/3.0/mlflow/scorer/invoke",
    ],
)
def test_assistant_gateway_and_jobs_are_switched_off(path: str) -> None:
    assert ask(path=path, **OWNER)[0] == 404
    assert ask(path=path)[0] == 401


def test_files_may_have_any_name() -> None:
    for path in ("/api/2.0/mlflow-artifacts/artifacts/jobs/gateway", "/static-files/jobs/x.js"):
        assert ask(path=path, **OWNER)[0] == 200


def test_web_sockets_are_refused() -> None:
    assert ask(kind="websocket", **OWNER)[0] == 1008


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("experiments/create", {"name": "a"}, 200),
        ("experiments/create", {"name": "a", "artifact_location": ""}, 200),
        ("experiments/create", {"name": "a", "artifact_location": "mlflow-artifacts:/a"}, 200),
        ("experiments/create", {"name": "a", "artifact_location": "/home/other"}, 400),
        ("experiments/create", {"name": "a", "artifactLocation": "file:///home/other"}, 400),
        ("experiments/create", {"name": "a", "artifact_location": "mlflow-artifacts:/a/../../b"}, 400),
        ("experiments/create", {"name": "a", "artifact_location": "mlflow-artifacts:/a/%2e%2e%2F.."}, 400),
        ("experiments/create", {"name": "a", "artifact_location": "mlflow-artifacts://elsewhere/a"}, 400),
        ("experiments/create", json.dumps({"artifact_location": "/home/other"}), 400),
        ("model-versions/create", {"name": "m", "source": "/etc"}, 400),
        ("model-versions/create", {"name": "m", "source": "runs:/1/model"}, 200),
        ("model-versions/create", {"name": "m", "source": "models:/m-1"}, 200),
        ("runs/log-batch", {"source": "a tag of the user's"}, 200),
        ("experiments/create", "not json", 200),
    ],
)
def test_a_teams_server_keeps_artifacts_in_one_place(path: str, body: Any, status: int) -> None:
    content = json.dumps(body).encode()
    answer = ask("POST", f"/api/2.0/mlflow/{path}", body=content, artifacts="mlflow-artifacts:", **OWNER)
    assert answer[0] == status
    assert answer[2] == b"passed:" + content or status == 400


def test_a_guard_without_a_long_token_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for short in ("", "short"):
        monkeypatch.setenv(ui_guard.TOKEN, short)
        with pytest.raises(RuntimeError, match="at least 32 characters"):
            ui_guard.create_app()


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

    def started(self) -> None:
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
    target, search = Target.of(home, {}), home.search(NAME)
    search.root.mkdir(parents=True, exist_ok=True)
    Mirror(memory_ledger([opened(), started(0)]), target.store("digits"), projection(home), search).catch_up()
    running = Served(ui_server.prepare_ui_server(target), folder)
    try:
        running.started()
        yield running
    finally:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


def routes() -> list[tuple[str, str]]:
    """Every method and path that the installed MLflow declares, as its own application lists them."""
    script = """
import json
from mlflow.server import app as flask_app
from mlflow.server.fastapi_app import app
rules = [(m, r.rule) for r in flask_app.url_map.iter_rules() for m in r.methods]
for route in app.routes:
    router = getattr(route, "original_router", None)
    for each in router.routes if router else ():
        rules += [(m, each.path) for m in getattr(each, "methods", None) or ()]
print(json.dumps(rules))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return [(method, re.sub(r"<[^>]*>|\{[^}]*\}", "1", rule)) for method, rule in json.loads(done.stdout)]


def test_every_route_of_mlflow_is_guarded(served: Served) -> None:
    asked = routes()
    assert len(asked) > 400
    statuses = {(method, path): served.request(method, path)[0] for method, path in asked}
    assert {route: status for route, status in statuses.items() if status != 401} == {}
    for method, path in asked:
        if ui_guard.is_closed(path):
            status, _, _ = served.request(method, path, Authorization=f"Bearer {served.token}")
            assert status == 404, (method, path)


INTRUDER = """
import json, sys, urllib.error, urllib.request
port, pid, folder = sys.argv[1:]
found = []
for method, path, body in [
    ("GET", "/", None), ("GET", "/health", None), ("GET", "/static-files/index.html", None),
    ("POST", "/api/2.0/mlflow/experiments/create", {"name": "theirs", "artifact_location": folder}),
    ("POST", "/api/2.0/mlflow/experiments/delete", {"experiment_id": "1"}),
    ("POST", "/api/2.0/mlflow/runs/set-tag", {"run_id": "1", "key": "a", "value": "b"}),
    ("GET", "/get-artifact?path=secret&run_uuid=1", None),
    ("GET", "/ajax-api/3.0/mlflow/assistant/status", None),
]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, method=method)
    request.add_header("Content-Type", "application/json")
    try:
        found.append(urllib.request.urlopen(request, timeout=60).status)
    except urllib.error.HTTPError as error:
        found.append(error.code)
readable = open(f"/proc/{pid}/cmdline").read()
try:
    readable += open(f"/proc/{pid}/environ").read()
except PermissionError:
    pass
print(json.dumps([found, readable]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_another_user_of_the_machine_has_no_access(served: Served, tmp_path: Path) -> None:
    python = shutil.which("python3", path="/usr/bin:/bin")
    if python is None:
        pytest.skip("there is no Python that another user may run")
    command = [python, "-c", INTRUDER, str(served.port), str(served.process.pid), "/tmp"]
    done = subprocess.run(command, user="nobody", cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    statuses, readable = json.loads(done.stdout)
    assert statuses == [401] * 8
    assert served.token not in readable


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


def test_the_page_works_in_a_browser(served: Served, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("Chromium is not installed")
    options = ["--headless", "--disable-gpu", "--no-sandbox", f"--user-data-dir={tmp_path}"]
    options += ["--virtual-time-budget=60000", "--timeout=90000", "--dump-dom", served.url]
    done = subprocess.run([browser, *options], capture_output=True, text=True, timeout=200, check=False)
    assert "digits" in done.stdout, done.stderr[-2000:]
    assert served.token not in done.stdout
