"""`hpo service` says how what it started is reached, what it ended, and what is wrong."""

import pytest

from hpo.core.service_state import KEEPER, RunningPart, ServiceState
from hpo.use_cases.doctor import ServiceFinding

HEAD = {"RAY_ADDRESS": "127.0.0.1:6379"}
SERVER = {"RAY_API_SERVER_ADDRESS": "http://127.0.0.1:8265"}
MLFLOW = "http://127.0.0.1:5000/?token=abc"


def state(parts=(), url="", variables=None):
    return ServiceState(1, 0.0, "m", "/tmp/ray", {}, tuple(parts), url, HEAD | (variables or {}))


def part(name, port=None):
    return RunningPart(name, 7, 0.0, ("127.0.0.1", port) if port else None)


WHOLE = state([part("mlflow", 5000), part(KEEPER)], MLFLOW, SERVER)


@pytest.fixture
def service(tmp_path, monkeypatch, typed):
    """Types a command of the service, for which one of its functions returns what is given."""
    monkeypatch.setenv("HPO_HOME", str(tmp_path))

    def run(function, result, *words):
        monkeypatch.setattr(f"hpo.use_cases.{function}", lambda *_, **__: result)
        return typed("service", *words)

    return run


def test_a_service_says_how_to_reach_all_its_parts(service):
    shown = service("service.bring_up", (WHOLE, True), "up")
    assert (shown.code, shown.out.splitlines()) == (
        0,
        [
            "the service is up",
            "Ray: 127.0.0.1:6379; searches use it after: export RAY_ADDRESS=127.0.0.1:6379 "
            "RAY_API_SERVER_ADDRESS=http://127.0.0.1:8265",
            "Ray's dashboard and job server: http://127.0.0.1:8265",
            f"MLflow: {MLFLOW}",
            "keeper: continues searches of this home whose process was killed",
            "from another machine: ssh -N -L 5000:127.0.0.1:5000 -L 8265:127.0.0.1:8265 THIS_MACHINE, "
            "then the same addresses there",
        ],
    )
    shown = service("service.bring_up", (WHOLE, False), "up", "--json")
    assert shown.json == {
        "started": False,
        "parts": {"mlflow": ["127.0.0.1", 5000], "keeper": None},
        "url": MLFLOW,
        "variables": HEAD | SERVER,
    }


def test_a_service_of_a_head_alone_says_what_is_missing(service):
    assert service("service.bring_up", (state(), False), "up").out.splitlines() == [
        "the service is up already",
        "Ray: 127.0.0.1:6379; searches use it after: export RAY_ADDRESS=127.0.0.1:6379",
        "Ray's dashboard and job server need `pip install 'ray[default]'`",
    ]


@pytest.mark.parametrize(
    ("ended", "text"), [(True, "the service is down"), (False, "no service was running")]
)
def test_ending_it(service, ended, text):
    assert service("service.bring_down", ended, "down").out == f"{text}\n"
    assert service("service.bring_down", ended, "down", "--json").json == {"ended": ended}


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("off", 0), ("wrong", 1)])
def test_the_doctor_fails_where_something_is_wrong(service, state, code):
    found = [ServiceFinding("ledger", "ok", "reachable"), ServiceFinding("disk of home", state, "3 % free")]
    shown = service("doctor.findings", found, "doctor")
    assert (shown.code, shown.out) == (
        code,
        f"ledger        ok     reachable\ndisk of home  {state:5}  3 % free\n",
    )
    shown = service("doctor.findings", found, "doctor", "--json")
    assert (shown.code, shown.json[1]) == (
        code,
        {"subject": "disk of home", "state": state, "detail": "3 % free"},
    )
