"""A real service: Ray with a token, MLflow behind the guard and a keeper, on the loopback device alone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest

from hpo.core.errors import HpoError, UserError
from hpo.core.home import Home
from hpo.core.service_state import RunningPart, ServiceState
from hpo.use_cases import service
from hpo.use_cases.doctor import findings
from tests.faults.tiny_search import Place


def test_without_a_service_there_is_nothing_to_end_and_the_doctor_says_how_to_start_one(tmp_path):
    home = Home.at(tmp_path / "home")
    assert service.bring_down(home) is False
    found = {finding.subject: finding for finding in findings(home)}
    assert found["service"].state == "off"
    assert "hpo service up" in found["service"].detail
    assert found["ledger"].state == "ok"


def test_an_address_of_another_machine_is_refused_before_anything_starts(tmp_path):
    home = Home.at(tmp_path / "home")
    with pytest.raises(UserError, match=r"--listen 192\.0\.2\.77: .*legal: an address of this machine"):
        service.bring_up(home, listen="192.0.2.77")
    assert not service.service_folder(home).exists()


def test_a_service_whose_supervisor_was_killed_is_reported_and_ended(tmp_path):
    home = Home.at(tmp_path / "home").create()
    folder = service.service_folder(home)
    folder.mkdir()
    words = [sys.executable, "-c", "import time; time.sleep(600)"]
    left, other = (subprocess.Popen(words, start_new_session=True) for _ in range(2))
    created = psutil.Process(left.pid).create_time()
    parts = (RunningPart("keeper", left.pid, created), RunningPart("Ray", other.pid, created - 1000))
    state = ServiceState(2**22 - 7, 1.0, "no-such-mark", "", {"ray": "0.1"}, parts)
    (folder / "state.json").write_text(state.to_json())
    try:
        found = {finding.subject: finding for finding in findings(home)}
        assert "its supervisor has ended" in found["service"].detail
        assert found["keeper"].state == "ok"
        assert found["Ray"].state == "wrong"  # another process has its number
        assert found["versions"].detail.startswith("it runs with others: ray 0.1 -> ")
        assert service.bring_down(home) is True
        assert left.wait(30) is not None
        assert other.poll() is None
        assert service.bring_down(home) is False
    finally:
        for process in (left, other):
            process.kill()
            process.wait()


def test_a_disk_that_is_full_and_ports_that_are_open_are_named(tmp_path, monkeypatch):
    home = Home.at(tmp_path / "home").create()
    usage = type("Usage", (), {"free": 2**20})
    monkeypatch.setattr("hpo.use_cases.doctor.shutil.disk_usage", lambda folder: usage)
    service.service_folder(home).mkdir()
    me = psutil.Process()
    part = RunningPart("Ray", me.pid, me.create_time())
    state = ServiceState(me.pid, me.create_time(), "no-such-mark", "", {}, (part,))
    (service.service_folder(home) / "state.json").write_text(state.to_json())
    ports = {("Ray", "0.0.0.0", 6379)}
    monkeypatch.setattr("hpo.use_cases.doctor.open_ports", lambda state: ports)
    found = {finding.subject: finding for finding in findings(home)}
    assert found["disk of the home"].state == "wrong"
    assert found["network"].detail.startswith("open to other machines: Ray on 0.0.0.0:6379")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_service_survives_its_terminal_runs_a_search_restarts_what_dies_and_ends_alone(tmp_path):
    place = Place(tmp_path)
    try:
        up = place.run("service", "up", "--cpus", "2", "--json")
        assert up.returncode == 0, up.stderr
        shown = json.loads(up.stdout.splitlines()[-1])
        variables, state = shown["variables"], service.service_state(place.home)
        assert shown["started"] is True
        assert psutil.Process(state.pid).parent().pid in (1, os.getpid()) or os.getsid(state.pid) == state.pid
        again = place.run("service", "up", "--json")
        assert json.loads(again.stdout.splitlines()[-1])["started"] is False
        token = Path(variables["RAY_AUTH_TOKEN_PATH"]).read_text()
        lines = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
        assert not any(token in text or shown["url"].split("token=")[1][:20] in text for text in lines)
        with pytest.raises(HTTPError) as refused:
            urlopen(shown["url"].split("?")[0], timeout=30)
        refused.value.close()
        assert refused.value.code in (401, 403)
        healthy = place.run("service", "doctor", "--json", **variables)
        assert healthy.returncode == 0, healthy.stdout
        found = {each["subject"]: each["state"] for each in json.loads(healthy.stdout)}
        assert {found[name] for name in ("service", "Ray", "MLflow", "keeper", "network", "cluster")} == {
            "ok"
        }
        submitted = place.run("submit", "tiny.yaml", "--json", **variables)
        assert submitted.returncode == 0, submitted.stderr
        os.kill(state.part("keeper").pid, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while not (part := service.service_state(place.home).part("keeper")).ends or not part.pid:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert place.run("service", "down").returncode == 0
        assert place.run("service", "doctor").returncode == 0
    finally:
        service.bring_down(place.home)
        place.end()
    assert place.processes("") == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_part_that_does_not_start_is_named_and_nothing_is_left(tmp_path, monkeypatch):
    home = Home.at(tmp_path / "home")
    real = service._plan

    def broken(*arguments):
        state, (ray, *others) = real(*arguments)
        return state, [
            type(ray)(ray.name, (sys.executable, "-c", "raise SystemExit('no such node')")),
            *others,
        ]

    monkeypatch.setattr(service, "_plan", broken)
    with pytest.raises(HpoError, match="Ray of the service ended at once: no such node"):
        service.bring_up(home)
    assert service.service_state(home) is None
