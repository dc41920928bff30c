"""What a job server answers is taken over or said in a sentence, within a limit."""

import socket

import pytest

from hpo.core.errors import HpoError, UserError
from hpo.running import job_server
from hpo.running.job_server import TOKEN, TOKEN_PATH, JobServer, JobState
from tests.raw_server import answering
from tests.running.stand_in_job_server import stand_in


@pytest.fixture(autouse=True)
def _no_token(monkeypatch, tmp_path):
    monkeypatch.delenv(TOKEN, raising=False)
    monkeypatch.setenv(TOKEN_PATH, str(tmp_path / "token"))


@pytest.fixture
def served():
    with stand_in() as server:
        yield server


def test_a_job_is_started_once_and_its_state_and_last_line_are_read(served):
    server = JobServer(served.address)
    assert server.session() == "session_1"
    assert server.state("hpo-a-1") is None
    assert server.start("hpo-a-1", "hpo service run a", {"HPO_HOME": "/shared"}, {"digest": "d"}) is True
    assert server.start("hpo-a-1", "hpo service run a", {}, {"digest": "other"}) is False
    assert served.requests == [
        {
            "submission_id": "hpo-a-1",
            "entrypoint": "hpo service run a",
            "runtime_env": {"env_vars": {"HPO_HOME": "/shared"}},
            "metadata": {"digest": "d"},
        }
    ]
    assert server.state("hpo-a-1") == JobState("RUNNING", "", {"digest": "d"})
    assert server.last_line("hpo-a-1") == ""
    served.logs["hpo-a-1"] = "first\n\n last \n\n"
    assert server.last_line("hpo-a-1") == "last"


@pytest.mark.parametrize(
    ("status", "ended"),
    [("PENDING", False), ("RUNNING", False), ("STOPPED", True), ("SUCCEEDED", True), ("FAILED", True)],
)
def test_a_job_has_ended_in_three_of_its_states(status, ended):
    assert JobState(status, "", {}).has_ended is ended


def test_the_token_comes_from_where_ray_looks_for_it(served, monkeypatch, tmp_path):
    served.token = "t0"
    with pytest.raises(UserError, match="needs the cluster's token: set RAY_AUTH_TOKEN or RAY_"):
        JobServer(served.address).session()
    (tmp_path / "token").write_text("t0\n")
    assert JobServer(served.address).session() == "session_1"
    monkeypatch.setenv(TOKEN, "t1")
    with pytest.raises(UserError, match="refuses the token: it is that of another cluster") as refused:
        JobServer(served.address).session()
    assert "t1" not in f"{refused.value}{JobServer(served.address)!r}"


def test_another_version_of_ray_is_refused_before_anything_is_submitted(served):
    served.version["ray_version"] = "2.9.1"
    with pytest.raises(UserError, match=r"runs Ray 2.9.1, and this machine has \d"):
        JobServer(served.address).session()


def test_a_server_that_is_not_rays_says_what_the_head_needs(served):
    served.version = None
    with pytest.raises(UserError, match=r"is not Ray's; the head needs pip install 'ray\[default\]'"):
        JobServer(served.address).session()


def test_a_server_that_does_not_speak_http_is_a_sentence():
    expected = pytest.raises(UserError, match="does not answer as one: the answer is not HTTP")
    with answering(b"\0\0\x06\x04\0\0\0\0\0") as port, expected:  # a head's own port sends this
        JobServer(f"http://127.0.0.1:{port}").session()


def test_nobody_answers():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(UserError, match=r"does not answer as one: .*refused"):
            JobServer(address).session()


@pytest.mark.parametrize("address", ["", "10.0.0.1:8265", "ray://10.0.0.1:10001", "http://"])
def test_an_address_of_another_kind_is_refused(address):
    with pytest.raises(UserError, match=r"legal: http://HOST:PORT"):
        JobServer(address)


def test_a_refusal_is_one_line(served):
    served.jobs["x"] = {"status": "FAILED", "message": "m", "metadata": None}
    served._accept = lambda body: (500, "Traceback\n  File\nRuntimeError: no space left")
    with pytest.raises(HpoError, match="refuses with status 500: RuntimeError: no space left"):
        JobServer(served.address).start("y", "true", {}, {})
    assert JobServer(served.address).state("x") == JobState("FAILED", "m", {})


AWAY = (500, "Traceback\nException: No available agent to submit job, please try again later.")
"""What Ray's job server answers in the first seconds of a head."""


@pytest.mark.parametrize("refused", [0, 1, 3])
def test_a_head_that_has_just_started_is_waited_for(served, monkeypatch, refused):
    monkeypatch.setattr(job_server, "POLL", 0.0)
    accept, answers = served._accept, [AWAY] * refused
    served._accept = lambda body: answers.pop() if answers else accept(body)
    assert JobServer(served.address).start("hpo-a-1", "true", {}, {}) is True
    assert [request["submission_id"] for request in served.requests] == ["hpo-a-1"]


def test_a_head_without_agents_is_not_waited_for_for_ever(served, monkeypatch):
    monkeypatch.setattr(job_server, "STARTING", 0.0)
    monkeypatch.setattr(job_server, "POLL", 0.0)
    served._accept = lambda body: AWAY
    with pytest.raises(
        HpoError, match="refuses with status 500: Exception: No available agent to submit job"
    ):
        JobServer(served.address).start("hpo-a-1", "true", {}, {})


def test_the_nodes_that_are_alive_are_read_with_what_they_have(served):
    assert JobServer(served.address).nodes() == ()
    amounts = {"CPU": 4.0, "GPU": 1.0, "licence": 2.0, "memory": 1e9}
    alive = {"node_id": "a1", "node_name": "alpha", "state": "ALIVE", "labels": {"kind": "big"}}
    served.nodes = [{**alive, "resources_total": amounts}, {**alive, "node_id": "b2", "state": "DEAD"}]
    (node,) = JobServer(served.address).nodes()
    assert (node.id, node.name, node.cpus, node.gpus, node.labels) == (
        "a1",
        "alpha",
        4.0,
        1.0,
        {"kind": "big"},
    )
    assert node.custom["licence"] == 2.0
