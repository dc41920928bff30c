import socket
from pathlib import Path

import pytest

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.tracking import sqlite_schema
from hpo.tracking.client_store import ClientStore
from hpo.tracking.run_changes import Unreachable
from hpo.tracking.sqlite_store import LocalStore
from hpo.tracking.target import Target


def test_by_default_the_store_is_that_of_the_home(home: Home) -> None:
    target = Target.of(home, {})
    assert target.uri == f"sqlite:///{home.tracking}"
    assert Path(target.uri.removeprefix("sqlite:///")).is_absolute()
    assert isinstance(target.store("digits"), LocalStore)


def test_a_tracking_server_is_used(home: Home) -> None:
    target = Target.of(home, {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"})
    assert target.is_server
    assert isinstance(target.store("digits"), ClientStore)
    assert not home.tracking.exists()


def test_the_address_of_a_named_database_is_made_absolute(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    target = Target.of(home, {"MLFLOW_TRACKING_URI": "sqlite:///runs.db"})
    assert target.uri == f"sqlite:///{tmp_path / 'runs.db'}"
    assert target.named


@pytest.mark.parametrize("uri", ["./mlruns", "file:///tmp/mlruns", "ftp://somewhere", "databricks"])
def test_an_address_unsupported_by_mlflow_is_refused(home: Home, uri: str) -> None:
    with pytest.raises(UserError, match=r"MLflow does not support [a-z ]+; legal: http:"):
        Target.of(home, {"MLFLOW_TRACKING_URI": uri})


@pytest.mark.parametrize("uri", ["http://[", "http://", "https://me:ge/heim@host", "http://host:port"])
def test_the_address_of_a_server_that_cannot_be_read_is_not_shown(home: Home, uri: str) -> None:
    with pytest.raises(UserError, match=r"its address cannot be read; legal: https?://HOST:PORT$"):
        Target.of(home, {"MLFLOW_TRACKING_URI": uri})


def test_a_server_that_accepts_no_connection_is_named_without_its_secrets(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"me:secret@127.0.0.1:{server.getsockname()[1]}"
        assert not Target.of(home, {"MLFLOW_TRACKING_URI": f"http://{address}/"}).silence()
    silence = Target.of(home, {"MLFLOW_TRACKING_URI": f"http://{address}/"}).silence()
    assert silence.startswith("MLflow at http://***@127.0.0.1:")
    assert "cannot be reached now ([Errno 111] Connection refused); the search does not wait" in silence
    assert not Target.of(home, {}).silence()


def test_a_password_is_not_shown(home: Home) -> None:
    target = Target.of(home, {"MLFLOW_TRACKING_URI": "https://me:secret@host:1/path"})
    assert target.shown == "https://***@host:1/path"


def test_an_unknown_layout_is_left_to_the_client_of_mlflow(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_schema, "REVISION", "some other")
    assert isinstance(Target.of(home, {}).store("digits"), ClientStore)


def test_a_damaged_store_is_unreachable(home: Home) -> None:
    home.tracking.write_text("not a database, but long enough to look like one" * 40)
    with pytest.raises(Unreachable, match="not a database"):
        Target.of(home, {}).store("digits")
