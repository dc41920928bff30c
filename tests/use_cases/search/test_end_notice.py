"""A notice arrives at a real server or command; where it cannot, a sentence says so without the address."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hpo.use_cases.search.end_notice import EndNotice
from tests.raw_server import answering

FACTS = {"search": "digits-1", "status": "done"}


@contextmanager
def server(answer):
    """A web server that keeps what it gets and gives one answer to everything."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(answer)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}", received
        finally:
            running.shutdown()
            thread.join()


def test_a_webhook_gets_the_outcome_at_the_address_that_a_variable_holds():
    with server(204) as (address, received):
        notice = EndNotice(webhook="${HOOK}/T000/secret")
        assert notice.send(FACTS, {"HOOK": address}) == ""
    assert received == [("/T000/secret", "application/json", FACTS)]


def test_a_server_that_refuses_is_a_sentence_without_the_address():
    with server(403) as (address, _):
        problem = EndNotice(webhook=f"{address}/secret").send(FACTS)
    assert problem == "on_end: the notice was not sent: the server answered 403"


def test_a_server_that_does_not_speak_http_is_a_sentence_without_the_address():
    with answering(b"\0\0\x06\x04\0\0\0\0\0") as port:
        problem = EndNotice(webhook=f"http://127.0.0.1:{port}/secret").send(FACTS)
    assert problem == "on_end: the notice was not sent: the answer is not one of a web server"


@pytest.mark.parametrize(
    ("webhook", "environment", "words"),
    [
        ("$HOOK", {}, "the environment variable HOOK is not set"),
        ("$HOOK", {"HOOK": "file:///etc/secret"}, "$HOOK does not hold an http or https address"),
        ("http://127.0.0.1:1/secret", {}, "refused"),
    ],
)
def test_an_address_that_cannot_be_used_is_a_sentence_without_secrets(webhook, environment, words):
    problem = EndNotice(webhook=webhook).send(FACTS, environment)
    assert words in problem
    assert "secret" not in problem


def test_a_command_gets_the_outcome_as_its_input(tmp_path):
    copied = tmp_path / "outcome.json"
    notice = EndNotice(command=("tee", str(copied)))
    assert notice.send(FACTS) == ""
    assert json.loads(copied.read_text()) == FACTS


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("sh", "-c", "echo no mail >&2; exit 7"), "sh ended with exit code 7: no mail"),
        (("no-such-program-here",), "No such file or directory"),
    ],
)
def test_a_command_that_fails_is_a_sentence(command, words):
    assert words in EndNotice(command=command).send(FACTS)
