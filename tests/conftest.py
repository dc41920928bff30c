"""No test may leave a look in the register of whoever runs it, nor refuse another test its own."""

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def _no_register_of_the_user(tmp_path_factory):
    """What fixtures of a wider scope open goes here."""
    former = os.environ.get("HPO_REGISTER")
    os.environ["HPO_REGISTER"] = str(tmp_path_factory.mktemp("register") / "shared.db")
    yield
    if former is None:
        del os.environ["HPO_REGISTER"]
    else:
        os.environ["HPO_REGISTER"] = former


@pytest.fixture(autouse=True)
def _register_of_this_test(tmp_path_factory, monkeypatch):
    """Tests search the same data; one that opened its test part is no look in another."""
    monkeypatch.setenv("HPO_REGISTER", str(tmp_path_factory.mktemp("register") / "register.db"))
