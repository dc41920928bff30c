"""Let only the holder of a token use MLflow's server.

MLflow's interfaces read and write whatever their process can: through an experiment whose artifact
location is another folder, any local user could read and write the owner's files. Checks of hosts
and origins do not prevent that, so every request, static files included, must prove that its sender
knows the token. ``mlflow server --app-name hpo-guard`` starts the guard.
"""

from __future__ import annotations

import hmac
import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

APP = "hpo-guard"
"""Name of the entry point in the group ``mlflow.app``."""

TOKEN = "HPO_UI_TOKEN"
"""Environment variable with the token: an environment is readable by its user only."""

ARTIFACTS = "HPO_UI_ARTIFACTS"
"""Environment variable of a team's server: the only location that artifacts may have."""

MIN_TOKEN = 32
"""Characters of the shortest token that is accepted."""

MAX_BODY = 64 * 2**20
"""Bytes of the largest body that is searched for artifact locations."""

CLOSED = frozenset({"assistant", "gateway", "gateway-proxy", "invoke", "jobs", "prompt-optimization"})
"""Segments of paths that run code or pass requests on; searches need none of them."""

REFERENCES = ("runs:/", "models:/")
"""Locations that name a run or a model, whose artifacts have been checked before."""

LOCATIONS = (
    "artifact_location",
    "artifactLocation",
    "source",
    "default_artifact_root",
    "defaultArtifactRoot",
)
"""Fields that set where artifacts are read and written, under both names that protobuf accepts."""

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HOP = b"""<!doctype html><meta charset="utf-8"><title>hpo ui</title>
<script>
try { localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true"); } catch {}
const target = new URL(location); target.searchParams.delete("token"); location.replace(target);
</script>"""
"""Follows a link with the token as a navigation of the page itself, which sends strict cookies.

MLflow opens its assistant, which is switched off here, over the first page that a browser shows; it remembers
under this name that it has done so.
"""


def create_app() -> App:
    """Return MLflow's application behind a guard configured by the environment.

    Raises:
        RuntimeError: If the environment has no token that is long enough.
    """
    token = os.environ.get(TOKEN, "")
    if len(token) < MIN_TOKEN:
        raise RuntimeError(f"{TOKEN} must have at least {MIN_TOKEN} characters")
    from mlflow.server.fastapi_app import app

    return Guard(app, token, os.environ.get(ARTIFACTS, ""))


@dataclass(frozen=True)
class Guard:
    """An ASGI application that passes on only requests with the token.

    Attributes:
        app: The guarded application.
        token: The secret.
        artifacts: The only location that artifacts may have; empty for any.
    """

    app: App
    token: str
    artifacts: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it with 400, 401, 403 or 404."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        tokens = [value for name, value in query if name == "token"]
        if tokens and scope["method"] in ("GET", "HEAD"):
            await self._enter(scope, headers, query, send)
        elif not _from_own_page(headers):
            await _answer(send, 403, "requests from other pages are refused")
        elif not self._known(scope, headers):
            await _answer(send, 401, "open the address that `hpo ui` printed, with its token")
        elif is_closed(scope["path"]):
            await _answer(send, 404, "this part of MLflow is switched off")
        elif self.artifacts and scope["method"] in ("POST", "PUT", "PATCH"):
            await self._with_own_locations(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _enter(
        self, scope: Scope, headers: Mapping[str, str], query: list[tuple[str, str]], send: Send
    ) -> None:
        """Turn the token of a link into a cookie."""
        if not all(self._is_token(value) for name, value in query if name == "token"):
            await _answer(send, 401, "the token is wrong; open the address that `hpo ui` printed last")
            return
        attributes = "HttpOnly; SameSite=Strict; Path=/"
        cookie = ("set-cookie", f"{cookie_name(scope)}={self.token}; {attributes}")
        private = [cookie, ("cache-control", "no-store"), ("referrer-policy", "no-referrer")]
        browser = "text/html" in headers.get("accept", "")
        if not browser and headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            path = "/" + scope["path"].lstrip("/\\")  # never the address of another host
            target = path + (f"?{rest}" if rest else "")
            await _answer(send, 303, "", [*private, ("location", _quoted(target))])
        else:
            await _answer(send, 200, HOP, [*private, ("content-type", "text/html; charset=utf-8")])

    def _known(self, scope: Scope, headers: Mapping[str, str]) -> bool:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(bearer.strip()):
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(cookie_name(scope))
        except CookieError:
            return False
        return cookie is not None and self._is_token(cookie.value)

    def _is_token(self, value: str) -> bool:
        return hmac.compare_digest(value.encode("utf-8", "replace"), self.token.encode())

    async def _with_own_locations(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse experiments and model versions whose artifacts would be elsewhere."""
        if "/mlflow-artifacts/" in scope["path"]:  # uploads, which the server itself keeps in one folder
            await self.app(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            await _answer(send, 413, f"a request has at most {MAX_BODY:,} bytes")
            return
        elsewhere = [location for location in _locations(body) if not self._is_own(location)]
        if elsewhere and _sets_location(scope["path"]):
            await _answer(send, 400, f"artifacts of this server are in {self.artifacts} only")
            return
        await self.app(scope, _replayed(body, receive), send)

    def _is_own(self, location: str) -> bool:
        if ".." in re.split(r"[/\\]|%2f|%5c", location, flags=re.I) or "?" in location or "#" in location:
            return False
        root = self.artifacts.rstrip("/")
        inside = location.startswith((f"{root}/", *REFERENCES)) and not location.startswith(f"{root}//")
        return not location or location == root or inside


def cookie_name(scope: Scope) -> str:
    """Return the name of the cookie: cookies are shared by all ports of a host, so it has the port."""
    server = scope.get("server") or ("", 0)
    return f"hpo_ui_{server[1]}"


def is_closed(path: str) -> bool:
    """Return whether a path belongs to an interface that is switched off."""
    segments = [segment.lower() for segment in re.split(r"[/\\]+", path) if segment]
    if "artifacts" in segments and "mlflow-artifacts" in segments:  # names of files follow
        segments = segments[: segments.index("artifacts")]
    return not CLOSED.isdisjoint(segments) and segments[0] != "static-files"


def _sets_location(path: str) -> bool:
    return any(
        word in path.lower() for word in ("experiments", "model-versions", "workspaces", "logged-models")
    )


def _headers(scope: Scope) -> dict[str, str]:
    """Return the headers by lower-case name; repeated ones are joined, as a comma cannot be a token."""
    headers: dict[str, str] = {}
    for name, value in scope.get("headers", []):
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        separator = "; " if key == "cookie" else ", "
        headers[key] = f"{headers[key]}{separator}{text}" if key in headers else text
    return headers


def _from_own_page(headers: Mapping[str, str]) -> bool:
    """Return whether a request comes from a page of this server, an address bar, or no browser."""
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return False
    origin = headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == headers.get("host", "") != ""
    except ValueError:
        return False


def _quoted(target: str) -> str:
    return re.sub(r"[^!-~]", lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), target)


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body of a request; None if it is too large."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            return None
        more = message.get("more_body", False)
    return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read to the application, then whatever follows it."""
    waiting = [body]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again


def _locations(body: bytes) -> list[str]:
    """Return every artifact location in a body, which may be JSON within a JSON string."""
    try:
        value: Any = json.loads(body or b"{}")
        while isinstance(value, str):
            value = json.loads(value)
    except (ValueError, RecursionError):
        return []  # MLflow cannot read it either
    if not isinstance(value, dict):
        return []
    return [str(value[name]) for name in LOCATIONS if value.get(name) is not None]


async def _answer(
    send: Send, status: int, content: str | bytes, headers: list[tuple[str, str]] | None = None
) -> None:
    body = content.encode() + b"\n" if isinstance(content, str) and content else content or b""
    fields = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
    pairs = headers or list(fields.items())
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
