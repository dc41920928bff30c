from pathlib import Path

import pytest

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.tracking import sqlite_schema
from hpo.tracking.client_store import ClientStore
from hpo.tracking.run_changes import Unreachable
from hpo.tracking.sqlite_store import LocalStore
from hpo.tracking.target import Target


def test_without_a_name_it_is_the_homes_own_store(home: Home) -> None:
    target = Target.of(home, {})
    assert target.uri == f"sqlite:///{home.tracking}"
    assert Path(target.uri.removeprefix("sqlite:///")).is_absolute()
    assert isinstance(target.store("digits"), LocalStore)


def test_a_server_is_honoured(home: Home) -> None:
    target = Target.of(home, {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"})
    assert target.is_server
    assert isinstance(target.store("digits"), ClientStore)
    assert not home.tracking.exists()


def test_a_database_that_the_user_names_gets_an_absolute_address(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    target = Target.of(home, {"MLFLOW_TRACKING_URI": "sqlite:///runs.db"})
    assert target.uri == f"sqlite:///{tmp_path / 'runs.db'}"
    assert target.named


@pytest.mark.parametrize("uri", ["./mlruns", "file:///tmp/mlruns", "ftp://somewhere", "databricks"])
def test_an_address_that_mlflow_keeps_no_runs_at_is_refused(home: Home, uri: str) -> None:
    with pytest.raises(UserError, match=r"MLflow does not support [a-z ]+; legal: http:"):
        Target.of(home, {"MLFLOW_TRACKING_URI": uri})


def test_a_password_is_not_shown(home: Home) -> None:
    target = Target.of(home, {"MLFLOW_TRACKING_URI": "https://me:secret@host:1/path"})
    assert target.shown == "https://***@host:1/path"


def test_a_layout_that_is_not_known_is_left_to_mlflows_client(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_schema, "REVISION", "some other")
    assert isinstance(Target.of(home, {}).store("digits"), ClientStore)


def test_a_damaged_store_is_unreachable(home: Home) -> None:
    home.tracking.write_text("not a database, but long enough to look like one" * 40)
    with pytest.raises(Unreachable, match="not a database"):
        Target.of(home, {}).store("digits")
