"""A page in headless Chromium, driven through its debugging protocol over a pair of pipes."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pytest

LIMIT_S = 120.0
"""How long a page may take to show something."""

OPTIONS = (
    *("--headless", "--disable-gpu", "--no-sandbox", "--no-first-run", "--window-size=1600,1000"),
    "--remote-debugging-pipe",
)

CENTRE = """(() => {
    const element = [...document.querySelectorAll(%s)].find(one => one.innerText.includes(%s));
    if (!element) return null;
    element.scrollIntoView({block: "center"});
    const box = element.getBoundingClientRect();
    return box.width && [box.x + box.width / 2, box.y + box.height / 2];
})()"""


class LeftPage(Exception):
    """The page was left while it computed a value."""


class Page:
    """The first page of a browser.

    Attributes:
        statuses: Status and address of every answer that the page received.
    """

    def __init__(self, requests: int, answers: IO[bytes]):
        self._requests, self._answers = requests, answers
        self._number, self._session = 0, ""
        self.statuses: list[tuple[int, str]] = []
        (target,) = [one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page"]
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        self.call("Network.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self._number += 1
        request = {"id": self._number, "method": method, "params": params}
        request |= {"sessionId": self._session} if self._session else {}
        os.write(self._requests, json.dumps(request).encode() + b"\0")
        while True:
            message = self._received()
            if message.get("method") == "Network.responseReceived":
                response = message["params"]["response"]
                self.statuses.append((response["status"], response["url"]))
            if message.get("id") == self._number:
                if "navigated" in message.get("error", {}).get("message", ""):
                    raise LeftPage
                assert "error" not in message, message
                return dict(message["result"])

    def _received(self) -> dict[str, Any]:
        message = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "the browser ended"
            message += byte
        return dict(json.loads(message))

    def open(self, address: str) -> None:
        """Open an address from scratch, even if only its fragment differs from the present one."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)

    def value(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def awaited(self, expression: str) -> Any:
        """Return the value of an expression as soon as it is true."""
        deadline = time.monotonic() + LIMIT_S
        while True:
            with suppress(LeftPage):
                if value := self.value(expression):
                    return value
                assert time.monotonic() < deadline, (expression, self.value("document.body.innerText"))
                self.value("new Promise(next => requestAnimationFrame(next))")

    def shows(self, text: str) -> None:
        """Wait until the page contains a text."""
        self.awaited(f"document.body && document.body.innerText.includes({json.dumps(text)})")

    def click(self, selector: str, text: str = "") -> None:
        """Click the first element of a selector that contains a text."""
        x, y = self.awaited(CENTRE % (json.dumps(selector), json.dumps(text)))
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def write(self, selector: str, text: str) -> None:
        """Append a text to a field."""
        self.click(selector)
        self.awaited(f"document.activeElement === document.querySelector({json.dumps(selector)})")
        self.call("Input.insertText", text=text)


@contextmanager
def opened_page(profile: Path) -> Iterator[Page]:
    """Yield a page of a browser with a profile of its own; skip the test where Chromium is not installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        pytest.skip("Chromium is not installed")
    profile.mkdir(parents=True, exist_ok=True)
    (requests_out, requests), (answers, answers_in) = os.pipe(), os.pipe()
    log = os.open(profile / "browser.log", os.O_WRONLY | os.O_CREAT)
    streams = [_moved(log), _moved(requests_out), _moved(answers_in)]
    targets = [(1, streams[0]), (2, streams[0]), (3, streams[1]), (4, streams[2])]  # the protocol's: 3 and 4
    words = [browser, *OPTIONS, f"--user-data-dir={profile}"]
    actions = [(os.POSIX_SPAWN_DUP2, source, target) for target, source in targets]
    pid = os.posix_spawn(browser, words, os.environ, file_actions=actions, setsid=True)
    for stream in streams:
        os.close(stream)
    try:
        with os.fdopen(answers, "rb") as received:
            yield Page(requests, received)
    finally:
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(requests)


def _moved(descriptor: int) -> int:
    """Return a copy of a descriptor that the browser does not use itself, and close it."""
    copy = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return copy
