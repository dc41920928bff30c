"""A search that is left to a job server: what it needs, what it sends, and what becomes of lost answers."""

import json
from pathlib import Path

import pytest

from hpo.cli import main as command
from hpo.core.errors import HpoError, Refused, UserError
from hpo.core.events import FilesStored, JobSubmitted, SearchOpened, SearchResumed
from hpo.core.home import Home
from hpo.ledger.searches import open_ledger, opened_of
from hpo.ledger.store import LedgerStore
from hpo.spec import read_spec
from hpo.use_cases.doctor import findings
from hpo.use_cases.search import cluster_job
from hpo.use_cases.search.cluster_job import ClusterJob, JobPlace, start_job
from hpo.use_cases.search.run_options import DEFAULTS, RunOptions
from hpo.use_cases.search.sources import bring_sources, folder_of
from hpo.use_cases.search.stored_files import code_kept_in_store, job_files, require_store_for
from tests.faults.tiny_search import DATA, MODEL, SPEC
from tests.running.stand_in_job_server import stand_in
from tests.use_cases.recorded_search import SPLIT

ARGUMENTS = "{folder: rows, other: [one.csv, /etc/hosts]}"


@pytest.fixture
def served(monkeypatch, tmp_path):
    """A job server that runs nothing, and the environment of a team's profile."""
    monkeypatch.setenv("HPO_JOB_HOME", "/shared/hpo")
    with stand_in() as server:
        monkeypatch.setenv("RAY_API_SERVER_ADDRESS", server.address)
        monkeypatch.setenv("HPO_LEDGER", f"sqlite:///{tmp_path / 'team.db'}")
        monkeypatch.setenv("PGPASSWORD", "geheim")
        yield server


@pytest.fixture
def home(served, tmp_path):
    """A home whose ledger has a search that was submitted for the cluster."""
    home = Home.at(tmp_path / "home")
    record(home, read_spec("digits").moved_to("/shared/hpo/sources/0"))
    return home


def record(home, spec):
    """Record a search that has not begun; return its ledger."""
    return LedgerStore.of(home).create("mine", SearchOpened(spec.document, spec.digest, SPLIT, {}, {}))


@pytest.fixture
def begins(home, monkeypatch):
    """Let a job's search be taken up as soon as somebody waits for it."""
    wait = cluster_job._is_taken_up

    def take_up(server, job, ledger, after):
        ledger.append([SearchResumed({})])
        return wait(server, job, ledger, after)

    monkeypatch.setattr(cluster_job, "_is_taken_up", take_up)


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        ("HPO_LEDGER", "--job needs HPO_LEDGER, the address of a ledger that the cluster reaches; a profile"),
        ("RAY_API_SERVER_ADDRESS", "--job needs RAY_API_SERVER_ADDRESS, http://HOST:PORT of the"),
        ("HPO_JOB_HOME", "--job needs HPO_JOB_HOME, a path from / on that its nodes share"),
    ],
)
def test_what_is_missing_is_named(served, monkeypatch, tmp_path, lacking, words):
    monkeypatch.delenv(lacking)
    with pytest.raises(UserError, match=words):
        JobPlace.of_environment(Home.at(tmp_path))


def test_a_job_takes_over_the_addresses_and_no_password(home, served, begins):
    place = JobPlace.of_environment(home)
    run = start_job(place, home, "mine-1", RunOptions(unseal=False))
    assert run == ClusterJob("mine-1", "hpo-mine-1-1", served.address)
    (sent,) = served.requests
    assert sent["entrypoint"] == "hpo service run mine-1 --no-test"
    variables = sent["runtime_env"]["env_vars"]
    assert variables["HPO_LEDGER"] == home.database
    assert variables["HPO_HOME"] == "/shared/hpo"
    assert sent["metadata"]["session"] == "session_1"
    assert "geheim" not in json.dumps(sent)


def test_a_lost_answer_is_asked_for_again_and_a_failed_job_is_followed_by_another(home, served, begins):
    place = JobPlace.of_environment(home)
    ledger = open_ledger("mine-1", home)
    cluster_job._submitted(place, ledger, 1, DEFAULTS)  # its answer was lost
    assert start_job(place, home, "mine-1", DEFAULTS).job == "hpo-mine-1-1"
    assert len(served.requests) == 1
    assert start_job(place, home, "mine-1", DEFAULTS).job == "hpo-mine-1-2"
    served.jobs["hpo-mine-1-3"] = {"status": "FAILED", "message": "", "metadata": {}}
    assert start_job(place, home, "mine-1", DEFAULTS).job == "hpo-mine-1-3.1"
    planned = [recorded.event.job for recorded in ledger.read(kinds=[JobSubmitted])]
    assert planned == ["hpo-mine-1-1", "hpo-mine-1-2", "hpo-mine-1-3", "hpo-mine-1-3.1"]


def test_an_attempt_is_on_record_before_its_job_is_submitted(home, served, monkeypatch):
    place, ledger = JobPlace.of_environment(home), open_ledger("mine-1", home)
    monkeypatch.setattr(type(place.server), "start", unreachable)
    with pytest.raises(HpoError, match="the job server is away"):
        start_job(place, home, "mine-1", DEFAULTS)
    (planned,) = [recorded.event for recorded in ledger.read(kinds=[JobSubmitted])]
    assert (planned.job, planned.server, planned.session) == ("hpo-mine-1-1", served.address, "session_1")


def unreachable(*_):
    raise HpoError("the job server is away")


def test_a_job_that_runs_otherwise_is_not_taken_for_this_one(home, served):
    place = JobPlace.of_environment(home)
    cluster_job._submitted(place, open_ledger("mine-1", home), 1, RunOptions(unseal=False))
    with pytest.raises(Refused, match="the job hpo-mine-1-1 exists and runs with other options"):
        start_job(place, home, "mine-1", DEFAULTS)


@pytest.mark.parametrize(
    ("log", "message", "reason"),
    [("Traceback\nno module hpo", "exit 1", "no module hpo"), ("", "exit code 127", "exit code 127")],
)
def test_a_job_that_ends_at_once_says_why_and_can_be_continued(home, served, log, message, reason):
    served.jobs["hpo-mine-1-1"] = {"status": "RUNNING", "message": message, "metadata": {}}
    served.logs["hpo-mine-1-1"] = log
    place = JobPlace.of_environment(home)
    served.jobs["hpo-mine-1-1"]["status"] = "FAILED"
    with pytest.raises(HpoError, match=f"the job hpo-mine-1-1 ended at once: {reason}") as failed:
        cluster_job._is_taken_up(place.server, "hpo-mine-1-1", open_ledger("mine-1", home), 0)
    assert failed.value.search == "mine-1"


def test_a_job_of_a_search_that_is_done_ends_well_and_is_no_error(home, served):
    place, accept = JobPlace.of_environment(home), served._accept

    def ends_at_once(body):
        answer = accept(body)
        served.jobs[body["submission_id"]]["status"] = "SUCCEEDED"
        return answer

    served._accept = ends_at_once
    run = start_job(place, home, "mine-1", DEFAULTS)
    assert run == ClusterJob("mine-1", "hpo-mine-1-1", served.address, idle=True)


def test_a_search_of_another_home_is_refused(served, tmp_path):
    home = Home.at(tmp_path / "home")
    record(home, read_spec("digits"))
    with pytest.raises(UserError, match="mine-1 was not submitted with --job for /shared/hpo"):
        start_job(JobPlace.of_environment(home), home, "mine-1", DEFAULTS)
    assert served.requests == []


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A spec with code and data of its own, beside files that are neither."""
    monkeypatch.setenv("HPO_STORE", str(tmp_path / "store"))
    folder = tmp_path / "project"
    (folder / "rows").mkdir(parents=True)
    for name, text in (
        ("tiny_data.py", DATA.replace("def waves(part):", "def waves(part, folder='', other=()):")),
        ("tiny_model.py", MODEL),
        ("tiny.yaml", SPEC.replace('waves"', f'waves", arguments: {ARGUMENTS}')),
        ("rows/a.csv", "1\n"),
        ("rows/.hidden", "2\n"),
        ("one.csv", "3\n"),
        ("two.csv", "4\n"),
        (".env", "TOKEN=geheim"),
    ):
        (folder / name).write_text(text)
    return read_spec(str(folder / "tiny.yaml"))


def test_code_and_data_that_the_spec_names_travel_and_nothing_beside_them(project, tmp_path):
    files = job_files(project)
    assert sorted(files) == ["one.csv", "rows/a.csv", "tiny_data.py", "tiny_model.py"]
    home = Home.at(tmp_path / "home").create()
    moved = project.moved_to(folder_of(str(home.root), files))
    assert moved.digest == project.digest
    ledger = recorded_with(home, moved, files)
    bring_sources(home, ledger)
    folder = Path(opened_of(ledger).spec["base"])
    assert folder.parent == home.root / "sources"
    brought = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.*")}
    assert brought == {name: file.read_text() for name, file in files.items()}
    before = folder.stat().st_mtime_ns
    bring_sources(home, ledger)  # nothing is copied twice
    assert folder.stat().st_mtime_ns == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_files_of_its_own_need_a_store(project, monkeypatch):
    monkeypatch.delenv("HPO_STORE")
    with pytest.raises(UserError, match="gets to the cluster through a store; HPO_STORE=URL names one"):
        require_store_for(job_files(project))
    require_store_for({})


def test_a_path_on_record_cannot_leave_the_folder(project, tmp_path):
    home = Home.at(tmp_path / "home").create()
    files = job_files(project)
    ledger = record(home, project.moved_to(folder_of(str(home.root), files)))
    stored = code_kept_in_store(files)
    ledger.append([FilesStored(stored.store, ({**stored.files[0], "path": "code/../../evil.py"},))])
    with pytest.raises(HpoError, match="is not a file of the search"):
        bring_sources(home, ledger)
    assert not (home.root / "evil.py").exists()


def test_the_doctor_asks_the_job_server(served, tmp_path):
    found = {finding.subject: finding for finding in findings(Home.at(tmp_path / "home"))}
    assert (found["job server"].state, "answers: session_1" in found["job server"].detail) == ("ok", True)
    served.version = None
    found = {finding.subject: finding for finding in findings(Home.at(tmp_path / "home"))}
    assert found["job server"].state == "wrong"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["submit", "digits", "--job", "--detach"], "--detach and --address do not go with it"),
        (["submit", "digits", "--job", "--address", "a:1"], "--detach and --address do not go with it"),
        (["submit", "digits", "--job", "--hold"], "--detach, --job, --no-test and --again do not go with it"),
        (["submit", "digits", "--job"], "--job needs HPO_LEDGER, the address of a ledger that the cluster"),
        (["resume", "mine-1", "--job", "--trials", "+2"], "--trials does not go with --job; once it runs"),
    ],
)
def test_options_that_do_not_go_together_and_missing_addresses_exit_2(tmp_path, capsys, words, sentence):
    with pytest.raises(SystemExit) as left:
        command.main(["--home", str(tmp_path / "home"), *words])
    assert left.value.code == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "home").exists()


def test_what_no_node_can_hold_is_refused_before_anything_is_recorded(served, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    amounts = {"CPU": 2.0, "memory": 1e9}
    served.nodes = [{"node_id": "a1", "node_name": "alpha", "state": "ALIVE", "resources_total": amounts}]
    words = ["--home", str(tmp_path / "home"), "submit", "digits", "--job", "--set", "resources.cpus=99"]
    with pytest.raises(SystemExit) as left:
        command.main(words)
    assert left.value.code == 2
    printed = capsys.readouterr().err
    assert "a trial needs 99 CPUs and 0 GPUs on one node" in printed
    assert "node alpha (a1): 2 CPUs and 0 GPUs" in printed
    assert LedgerStore.of(Home.at(tmp_path / "home")).names() == []
    assert served.requests == []


def test_other_content_has_another_folder(project):
    before = folder_of("/home", job_files(project))
    (project.base / "one.csv").write_text("5\n")
    assert folder_of("/home", job_files(project)) != before


def test_a_search_of_another_folder_is_left_as_it_is(project, tmp_path):
    home = Home.at(tmp_path / "home").create()
    ledger = recorded_with(home, project, job_files(project))
    bring_sources(home, ledger)
    assert not (home.root / "sources").exists()


def recorded_with(home, spec, files):
    """Record a search with its files in the store."""
    ledger = record(home, spec)
    ledger.append([code_kept_in_store(files)])
    return ledger
