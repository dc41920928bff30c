"""Set-up of every test: its own register, working signals, reproducible examples."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

# A shell that starts a command in the background has it ignore Ctrl-C, and so do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Ray gives its workers priority 15, at which they stand still beside tests that compute on all cores.
os.environ.setdefault("RAY_worker_niceness", "0")

settings.register_profile(
    "steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


@pytest.fixture(scope="session", autouse=True)
def _no_register_of_the_user(tmp_path_factory):
    """Register for fixtures of a wider scope."""
    former = os.environ.get("HPO_REGISTER")
    os.environ["HPO_REGISTER"] = str(tmp_path_factory.mktemp("register") / "shared.db")
    yield
    if former is None:
        del os.environ["HPO_REGISTER"]
    else:
        os.environ["HPO_REGISTER"] = former


@pytest.fixture(autouse=True)
def _register_of_this_test(tmp_path_factory, monkeypatch):
    """Tests search the same data; an opening in one test must not count in another."""
    monkeypatch.setenv("HPO_REGISTER", str(tmp_path_factory.mktemp("register") / "register.db"))


@pytest.fixture(autouse=True)
def _no_team_of_the_user(monkeypatch):
    """Tests use addresses that they name themselves."""
    for variable in ("HPO_PROFILE", "HPO_LEDGER", "HPO_STORE"):
        monkeypatch.delenv(variable, raising=False)
