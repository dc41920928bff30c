"""Contract of every store: how a search appears in MLflow, without duplicates."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hpo.core import events
from hpo.core.events import End
from hpo.core.home import Home
from hpo.ledger.in_memory import MemoryLedger
from hpo.tracking import mirror_progress
from hpo.tracking.client_store import ClientStore
from hpo.tracking.mirror import Mirror
from hpo.tracking.run_changes import ExperimentDeleted, RunChange, RunStore, StoredRuns, Unreachable
from hpo.tracking.sqlite_schema import prepare
from hpo.tracking.sqlite_store import LocalStore
from tests.tracking.conftest import Server
from tests.tracking.scenario import NAME, ended, memory_ledger, opened, projection, reported, search, started


class StoreUnderTest:
    """A store under test, written by the mirror and read by MLflow's own client."""

    def __init__(self, uri: str, make: Callable[..., RunStore], experiment: str):
        from mlflow.tracking import MlflowClient

        self.uri, self.make, self.experiment = uri, make, experiment
        self.client = MlflowClient(uri)

    def runs(self) -> dict[str, Any]:
        found = self.client.get_experiment_by_name(self.experiment)
        runs = self.client.search_runs([found.experiment_id], max_results=1000)
        by_title = {run.info.run_name: run for run in runs}
        assert len(by_title) == len(runs)
        return by_title

    def shown(self) -> dict[str, Any]:
        """Return everything that is shown, without the ids of the store."""
        runs = self.runs()
        titles = {run.info.run_id: title for title, run in runs.items()}
        return {title: self._shown(run, titles) for title, run in runs.items()}

    def _shown(self, run: Any, titles: dict[str, str]) -> dict[str, Any]:
        tags = {k: v for k, v in run.data.tags.items() if k != "mlflow.log-model.history"}
        tags |= {k: titles[v] for k, v in tags.items() if k == "mlflow.parentRunId"}
        curves = {
            name: [
                (m.step, m.value, m.timestamp) for m in self.client.get_metric_history(run.info.run_id, name)
            ]
            for name in sorted(run.data.metrics)
        }
        return {
            "state": (run.info.status, run.info.start_time, run.info.end_time, run.info.user_id),
            "tags": tags,
            "params": run.data.params,
            "metrics": run.data.metrics,
            "curves": curves,
            "data": [
                (used.dataset.name, used.dataset.digest, used.dataset.source, used.dataset.profile)
                for used in self.client.get_run(run.info.run_id).inputs.dataset_inputs
            ],
            "files": sorted((f.path, f.file_size) for f in self.client.list_artifacts(run.info.run_id)),
        }


@pytest.fixture(params=["server", "client", "local"])
def tested(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreUnderTest]:
    experiment = f"digits {uuid.uuid4().hex[:8]}"
    if request.param == "server":
        uri = request.getfixturevalue("server").uri
        yield StoreUnderTest(uri, partial(ClientStore, uri, experiment), experiment)
        return
    file, files = tmp_path / "store" / "mlflow.db", tmp_path / "files"
    prepare(file, files)
    uri = f"sqlite:///{file}"
    if request.param == "client":
        yield StoreUnderTest(
            uri, lambda **options: ClientStore(uri, experiment, str(files), **options), experiment
        )
    else:
        yield StoreUnderTest(
            uri, lambda **options: LocalStore(file, files, experiment, **options), experiment
        )


def mirror(tested: StoreUnderTest, ledger: MemoryLedger, home: Home, store: RunStore | None = None) -> Mirror:
    folder = home.search(NAME)
    folder.root.mkdir(parents=True, exist_ok=True)
    return Mirror(ledger, store or tested.make(), projection(home), folder)


def test_a_mirror_that_starts_again_reads_what_it_has_shown_once(tested: StoreUnderTest, home: Home) -> None:
    ledger = CountingLedger(search(home.search(NAME)))
    mirror(tested, ledger, home).catch_up()
    ledger.read_of.clear()
    mirror(tested, ledger, home).catch_up()
    reports = [each.seq for each in ledger.record if isinstance(each.event, events.Reported)]
    assert {seq: ledger.read_of[seq] for seq in reports} == dict.fromkeys(reports, 1)


def test_every_run_has_its_data_once_and_no_metric_named_like_a_parameter(
    tested: StoreUnderTest, home: Home
) -> None:
    ledger = memory_ledger(search(home.search(NAME)))
    for _ in range(2):
        mirror(tested, ledger, home).catch_up()
        ledger.append([events.SearchResumed({}), started(0)])
    for run in tested.shown().values():
        ((name, digest, _, profile),) = run["data"]
        assert (name, digest, profile) == ("digits", "e" * 36, '{"train": 1000, "validation": 300}')
        assert not run["params"].keys() & run["metrics"].keys()
    assert tested.runs()["trial 0"].data.metrics["train/learning_rate"] == pytest.approx(0.001 / 3)


def test_files_are_added_to_the_search_without_changing_anything_else(
    tested: StoreUnderTest, home: Home
) -> None:
    ledger, page = memory_ledger(search(home.search(NAME))), home.search(NAME).report
    first = mirror(tested, ledger, home)
    first.catch_up()
    before = tested.shown()
    page.write_text("<p>page</p>")
    again = mirror(tested, ledger, home)
    again.catch_up()
    again.attach([page])
    after = tested.shown()
    files, earlier = after[NAME].pop("files"), before[NAME].pop("files")
    assert set(files) - set(earlier) == {("report.html", 11)}
    assert after == before


class CountingLedger(MemoryLedger):
    """Counts how often each event is read."""

    def __init__(self, new: Sequence[events.Event]) -> None:
        self.read_of: Counter[int] = Counter()
        super().__init__(new)

    def read(self, after: int = 0, kinds: Sequence[type[events.Event]] = ()) -> Iterator[Any]:
        for recorded in super().read(after, kinds):
            self.read_of[recorded.seq] += 1
            yield recorded


def test_a_whole_search(tested: StoreUnderTest, home: Home) -> None:
    ledger = memory_ledger(search(home.search(NAME)))
    assert mirror(tested, ledger, home).catch_up() == len(ledger.record)
    runs = tested.shown()
    assert set(runs) == {NAME, "trial 0", "trial 1", "trial 2", "finalist 0 seed 1", "finalist 0 seed 2"}
    states = {title: run["state"][0] for title, run in runs.items()}
    assert runs["trial 1"]["tags"]["state"] == "stopped early"
    assert states.pop("trial 2") == "FAILED"
    assert set(states.values()) == {"FINISHED"}
    assert runs["trial 2"]["tags"]["cause"] == "diverged"
    assert "nan at epoch 2" in runs["trial 2"]["tags"]["non-finite"]
    children = [run for title, run in runs.items() if title != NAME]
    assert {run["tags"]["mlflow.parentRunId"] for run in children} == {NAME}
    names = {"learning_rate", "optimizer", "optimizer.momentum", "augment.cutout", "batch_size"}
    assert all(set(run["params"]) == names for run in children)
    assert runs["trial 1"]["params"]["optimizer.momentum"] == "n/a"
    assert runs["trial 0"]["params"]["optimizer.momentum"] == "0.9"
    assert [point[:2] for point in runs["trial 1"]["curves"]["validation/accuracy"]] == [
        (1, 0.3),
        (2, 0.35),
    ]
    assert set(runs["trial 0"]["metrics"]) == {
        "validation/accuracy",
        "validation/loss",
        "train/loss",
        "train/learning_rate",
        "objective",
    }
    parent = runs[NAME]
    assert parent["metrics"] == {
        "winner/accuracy_mean": 0.8,
        "winner/accuracy_std": 0.01,
        "test/accuracy": 0.79,
        "test/accuracy_low": 0.75,
        "test/accuracy_high": 0.83,
    }
    assert parent["tags"]["winner"] == "trial 0"
    assert parent["tags"]["split.fingerprint"] == "f" * 64
    assert parent["tags"]["team"] == "vision"
    assert [name for name, _ in parent["files"]] == [
        "recipe.json",
        "recipe.yaml",
        "spec.json",
        "split.json",
        "winner.safetensors",
    ]


def test_a_mirror_killed_at_any_point_duplicates_nothing(tested: StoreUnderTest, home: Home) -> None:
    """Any prefix of a batch may have been written when the next mirror starts."""
    ledger = memory_ledger(search(home.search(NAME)))
    for length in range(3, len(ledger.record), 5):
        part = memory_ledger()
        part.record = ledger.record[:length]
        with pytest.raises(Unreachable):
            mirror(tested, part, home, TornStore(tested.make(), length)).catch_up()
    mirror(tested, ledger, home).catch_up()
    runs = tested.shown()
    mirror(tested, ledger, home, Forgetful(tested.make())).catch_up()
    assert tested.shown() == runs
    assert [point[0] for point in runs["trial 0"]["curves"]["train/loss"]] == [1, 2, 3]
    assert len(runs) == 6


class TornStore:
    """Writes the first changes of a batch and fails before the position."""

    def __init__(self, store: RunStore, kept: int):
        self.store, self.kept = store, kept

    @property
    def page(self) -> str:
        return self.store.page

    def open(self, search: str) -> StoredRuns:
        return self.store.open(search)

    def write(self, changes: Sequence[RunChange], position: int) -> None:
        torn = list(changes[: 1 + self.kept % len(changes)])
        self.store.write(torn, 0)
        raise Unreachable("killed")

    def close(self) -> None:
        self.store.close()


class Forgetful(TornStore):
    """Reports no position, so that everything is written twice."""

    def __init__(self, store: RunStore):
        super().__init__(store, 0)

    def open(self, search: str) -> StoredRuns:
        return StoredRuns(0, self.store.open(search).runs)

    def write(self, changes: Sequence[RunChange], position: int) -> None:
        self.store.write(changes, position)


def test_steps_give_the_same_store_as_the_client_of_mlflow(
    tested: StoreUnderTest, home: Home, tmp_path: Path
) -> None:
    ledger = memory_ledger()
    follower = mirror(tested, ledger, home)
    assert follower.catch_up() == 0
    story = search(home.search(NAME))
    few = 1 if tested.uri.startswith("sqlite") else 4
    for start in range(0, len(story), few):
        ledger.append(story[start : start + few])
        assert follower.catch_up() == len(ledger.record)
    by_steps = tested.shown()
    other = f"{tested.experiment} by MLflow's client"
    files = None if tested.uri.startswith("http") else str(tmp_path / "files")
    by_client = StoreUnderTest(tested.uri, lambda: ClientStore(tested.uri, other, files), other)
    mirror(by_client, ledger, home).catch_up()
    assert by_client.shown() == by_steps


def test_a_deleted_run_is_restored_completely(tested: StoreUnderTest, home: Home) -> None:
    ledger = memory_ledger(search(home.search(NAME))[:-1])
    mirror(tested, ledger, home).catch_up()
    runs = tested.shown()
    tested.client.delete_run(tested.runs()["trial 0"].info.run_id)
    assert "trial 0" not in tested.runs()
    mirror(tested, ledger, home).catch_up()
    assert tested.shown() == runs


def test_a_server_has_a_page_of_the_search(tested: StoreUnderTest, home: Home) -> None:
    follower = mirror(tested, memory_ledger([opened(), started(0)]), home)
    assert follower.page == ""
    follower.catch_up()
    parent = tested.runs()[NAME].info
    page = f"#/experiments/{parent.experiment_id}/runs/{parent.run_id}"
    assert follower.page == (page if tested.uri.startswith("http") else "")


def test_a_deleted_experiment_stays_deleted_until_it_is_restored(tested: StoreUnderTest, home: Home) -> None:
    ledger = memory_ledger(search(home.search(NAME)))
    mirror(tested, ledger, home).catch_up()
    runs = tested.shown()
    experiment = tested.client.get_experiment_by_name(tested.experiment)
    tested.client.delete_experiment(experiment.experiment_id)
    with pytest.raises(ExperimentDeleted, match="was deleted in MLflow"):
        mirror(tested, ledger, home).catch_up()
    assert tested.client.get_experiment_by_name(tested.experiment).lifecycle_stage == "deleted"
    mirror(tested, ledger, home, tested.make(restore=True)).catch_up()
    assert tested.shown() == runs


def test_two_homes_share_a_server_without_interference(tested: StoreUnderTest, home: Home) -> None:
    first = memory_ledger([opened(), started(0)])
    mirror(tested, first, home).catch_up()
    second = memory_ledger([opened(digest="e" * 64), started(0)])
    mirror(tested, second, home).catch_up()
    found = tested.client.get_experiment_by_name(tested.experiment)
    assert len(tested.client.search_runs([found.experiment_id])) == 4


def test_batches_larger_than_the_limit_of_a_server(tested: StoreUnderTest, home: Home) -> None:
    many = {f"width_{i:03}": i for i in range(205)} | {"note": "é" * 7_000}
    start = events.TrialStarted(0, 0, many, {}, 1, "sampler")
    curves = [
        events.Reported(0, 0, epoch, {f"validation/m{i}": float(i) for i in range(50)}, 0.1)
        for epoch in range(1, 45)
    ]
    tags = {f"tag {i}": "x" * 4_900 for i in range(220)}
    ledger = memory_ledger([opened(tags=tags), start, *curves, ended(0, End.FINISHED, 44, 1.0)])
    mirror(tested, ledger, home).catch_up()
    runs = tested.shown()
    assert len(runs["trial 0"]["params"]) == 206 + 4
    assert runs["trial 0"]["params"]["note"].endswith("(cut short)")
    assert [point[0] for point in runs["trial 0"]["curves"]["validation/m49"]] == list(range(1, 45))
    assert runs[NAME]["tags"]["tag 219"] == "x" * 4_900


def test_trials_interrupted_by_a_stop_are_not_left_running(tested: StoreUnderTest, home: Home) -> None:
    story = [opened(), started(0), reported(0, 1, 0.5), events.SearchEnded("stopped", "asked")]
    ledger = memory_ledger(story)
    follower = mirror(tested, ledger, home)
    follower.catch_up()
    runs = tested.shown()
    assert (runs[NAME]["state"][0], runs["trial 0"]["state"][0]) == ("KILLED", "KILLED")
    assert runs["trial 0"]["tags"]["state"] == "interrupted"
    ledger.append([events.SearchResumed({}), reported(0, 2, 0.6)])
    mirror(tested, ledger, home).catch_up()
    runs = tested.shown()
    assert (runs[NAME]["state"][0], runs["trial 0"]["state"][0]) == ("RUNNING", "RUNNING")
    assert runs["trial 0"]["tags"]["state"] == "running"


def test_a_truncated_ledger_is_shown_as_it_is(tested: StoreUnderTest, home: Home) -> None:
    """Its last commits were lost to a damaged disk after they had been mirrored."""
    ledger = memory_ledger([opened(), started(0), reported(0, 1, 0.5), ended(0, End.FINISHED, 1, 0.5)])
    mirror(tested, ledger, home).catch_up()
    shorter = memory_ledger([*(each.event for each in ledger.record[:3]), events.SearchResumed({})])
    mirror(tested, shorter, home).catch_up()
    assert tested.shown()["trial 0"]["state"][0] == "RUNNING"
    shorter.append([ended(0, End.STOPPED, 1, 0.5)])
    mirror(tested, shorter, home).catch_up()
    assert tested.shown()["trial 0"]["state"][0] == "FINISHED"


def test_progress_can_be_read_without_mlflow(tested: StoreUnderTest, home: Home) -> None:
    ledger = memory_ledger(search(home.search(NAME)))
    folder = home.search(NAME)
    assert mirror_progress.load_progress(folder).behind(len(ledger.record)) == len(ledger.record)
    assert mirror(tested, ledger, home).follow(stop=lambda: True, wait=lambda seconds: None)
    assert mirror_progress.load_progress(folder).behind(len(ledger.record)) == 0
    assert mirror_progress.progress_file(folder).stat().st_mode & 0o077 == 0


def test_a_server_that_restarts_only_delays_the_mirror(server: Server, home: Home) -> None:
    experiment = f"digits {uuid.uuid4().hex[:8]}"
    tested = StoreUnderTest(server.uri, lambda: ClientStore(server.uri, experiment), experiment)
    story = search(home.search(NAME))
    ledger, folder = memory_ledger(story[:9]), home.search(NAME)
    follower = mirror(tested, ledger, home)
    follower.catch_up()
    pauses: list[float] = []

    def wait(seconds: float) -> None:
        """The server is down from the first wait to the fifth, while events keep arriving."""
        pauses.append(seconds)
        if len(pauses) == 1:
            server.kill()
        if len(pauses) == 5:
            assert mirror_progress.load_progress(folder).behind(len(ledger.record)) == len(ledger.record) - 9
            assert mirror_progress.load_progress(folder).error
            server.start()
        ledger.append(story[len(ledger.record) :][:6])

    try:
        assert follower.follow(stop=lambda: len(ledger.record) == len(story), wait=wait)
    finally:
        if server.process is None:
            server.start()
    assert pauses[1] < pauses[2] < pauses[3]
    progress = mirror_progress.load_progress(folder)
    assert (progress.position, progress.error) == (len(story), "")
    other = f"{experiment} undisturbed"
    undisturbed = StoreUnderTest(server.uri, lambda: ClientStore(server.uri, other), other)
    mirror(undisturbed, ledger, home).catch_up()
    assert tested.shown() == undisturbed.shown()


def test_a_server_that_never_returns_is_given_up(home: Home) -> None:
    store = ClientStore("http://127.0.0.1:9", "digits")
    ledger, folder = memory_ledger([opened(), started(0)]), home.search(NAME)
    folder.root.mkdir(parents=True)
    pauses: list[float] = []
    assert not Mirror(ledger, store, projection(home), folder).follow(lambda: True, pauses.append)
    assert len(pauses) == 1
    assert mirror_progress.load_progress(folder).behind(2) == 2
    assert "127.0.0.1" in mirror_progress.load_progress(folder).error
