"""A real server of S3's interface, as fixtures."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress

import pytest


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def s3_server():
    """Endpoint of an S3 server of its own."""
    pytest.importorskip("moto", reason="moto[s3] is not installed")
    port = free_port()
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    child = subprocess.Popen(words, env={**os.environ, "PYTHONWARNINGS": "ignore"}, **quiet)
    try:
        end = time.monotonic() + 120
        while time.monotonic() < end and child.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            with suppress(subprocess.TimeoutExpired):
                child.wait(0.1)
        assert child.poll() is None, "the S3 server did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        child.kill()
        child.wait()


@pytest.fixture
def s3(s3_server, monkeypatch):
    """Address of an empty bucket, with its keys in the variables of AWS."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    urllib.request.urlopen(urllib.request.Request(f"{s3_server}/moto-api/reset", method="POST")).close()
    urllib.request.urlopen(urllib.request.Request(f"{s3_server}/hpo-tests", method="PUT")).close()
    return f"s3://hpo-tests/team?region=us-east-1&endpoint_override={s3_server}"
