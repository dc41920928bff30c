"""The guard passes on only requests with the token, and keeps a team's artifacts in one place."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import mlflow
import pytest

from hpo.tracking import ui_guard

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


@pytest.mark.parametrize("headers", [{"sec_fetch_site": "cross-site"}, {"accept": "text/html,*/*;q=0.8"}])
def test_a_link_in_a_browser_is_reloaded_by_a_script(headers: dict[str, str]) -> None:
    status, answered, body = ask(query=f"token={SECRET}", **headers)
    assert (status, "location" in answered) == (200, False)
    assert answered["set-cookie"].startswith(f"hpo_ui_5000={SECRET}; HttpOnly")
    assert b'target.searchParams.delete("token"); location.replace(target);' in body


def test_mlflow_remembers_under_this_name_that_its_assistant_was_shown() -> None:
    (build,) = (Path(mlflow.__file__).parent / "server/js/build/static/js").glob("main.*.js")
    name, _, version = re.findall(rb'localStorage.setItem\("([^"]*)(_v(\d))", "true"\)', ui_guard.HOP)[0]
    assert b'{key:"%s",version:%s,initialValue:!1}' % (name, version) in build.read_bytes()


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
