"""A search over nodes with file systems of their own, which reach data, code and checkpoints in the store.

Each node runs in a mount namespace in which an empty file system covers the folder with home and code.
"""

import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from hpo.core import events
from hpo.core.events import LossCause
from tests.faults.cable import HERE, THERE, needs_network
from tests.faults.inline_search import check_as_trained_here
from tests.faults.ray_cluster import TOKEN, RayCluster, is_root
from tests.faults.test_cluster import SPEC
from tests.faults.test_partition import IMPATIENT_HEAD
from tests.faults.tiny_search import MODEL, after

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not is_root(), reason="only root can make namespaces"),
]

LABELLED = "resources: {gpus: 1, labels: {accelerator: H100}, trials_at_once: 2}"

GATED = MODEL.replace(
    "for _ in context.epochs():",
    """for epoch in context.epochs():
            print("epoch", epoch)
            gate = os.environ.get("TINY_GATE")
            while gate and epoch == 3 and not os.path.exists(os.path.join(gate, "go")):
                time.sleep(0.02)""",
)
"""Trains the third epoch after a file exists in a folder that every node sees."""


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.faults)])
def store(request, tmp_path_factory, monkeypatch):
    """Address of a store that every node reaches."""
    folder = tmp_path_factory.mktemp("store")
    address = str(folder) if request.param == "folder" else request.getfixturevalue("s3")
    monkeypatch.setenv("HPO_STORE", address)
    return address


@pytest.fixture
def gate(tmp_path_factory):
    return tmp_path_factory.mktemp("gate")


def separate(folder):
    """Return the beginning of a command that sees an empty file system in the place of a folder."""
    script = 'mount -t tmpfs none "$0" && exec "$@"'
    return ("unshare", "--mount", "sh", "-c", script, str(folder))


def add_separate(cluster, place, gate, within=(), **options):
    """Start a node that sees neither home nor code, with a cache that no other node sees."""
    cache = str(place.folder / "cache")
    within = (*within, *separate(place.folder))
    return cluster.add(1, within=within, HPO_NODE_CACHE=cache, TINY_GATE=str(gate), **options)


@contextmanager
def out_of_reach(store):
    """Let nobody reach a store that is a folder meanwhile."""
    folder = Path(store)
    if folder.is_dir():
        folder.rename(f"{store}.away")
    try:
        yield
    finally:
        if Path(f"{store}.away").is_dir():
            Path(f"{store}.away").rename(store)


def test_nodes_without_the_home_lose_one_of_them_and_the_search_comes_to_the_same_end(
    place, store, gate, tmp_path_factory
):
    (place.folder / "tiny.yaml").write_text(SPEC.replace("trials_at_once: 2", "trials_at_once: 3"))
    (place.folder / "tiny_model.py").write_text(GATED)
    cluster = RayCluster()
    try:
        nodes = [add_separate(cluster, place, gate) for _ in range(3)]
        process = place.start("submit", "tiny.yaml", "--json", RAY_ADDRESS=cluster.address, **TOKEN)
        for trial in range(3):
            place.wait_for(process, after(events.Checkpointed, trial=trial, epoch=2))
        assert list(place.search.checkpoints.glob("*")) == []
        place.wait_for(process, lambda place: "epoch 2" in place.run("logs", "tiny-1", "0").stdout)
        cluster.kill(nodes[0])
        with out_of_reach(store):
            (gate / "go").touch()
            place.wait_for(process, after(events.WorkerLost))
        check_as_trained_here(place, process, tmp_path_factory.mktemp("here"), [LossCause.NODE_LOST])
    finally:
        cluster.end()
    for trial in range(6):
        printed = (place.search.logs / f"{trial}-0.log").read_text().split("\n")
        assert {f"epoch {epoch}" for epoch in range(1, 6)} <= set(printed)
    if store.startswith("/"):
        assert [path for path in Path(store, "searches").rglob("*") if path.is_file()] == []


@pytest.mark.faults
@needs_network
@pytest.mark.parametrize("store", ["folder"], indirect=True)  # a cut-off node has no way to the tests' S3
def test_labelled_gpus_of_such_nodes_are_preempted_and_cut_off_for_a_minute_and_change_nothing(
    place, store, gate, cable, tmp_path_factory
):
    (place.folder / "tiny.yaml").write_text(SPEC.replace("resources: {trials_at_once: 2}", LABELLED))
    (place.folder / "tiny_model.py").write_text(GATED)
    cluster = RayCluster(head=IMPATIENT_HEAD, host=HERE)
    kind = {"gpus": 1, "labels": {"accelerator": "H100"}}
    try:
        add_separate(cluster, place, gate, gpus=1, labels={"accelerator": "A100"})  # never used
        first = add_separate(cluster, place, gate, **kind)
        far = add_separate(cluster, place, gate, within=cable.within, host=THERE, **kind)
        process = place.start("submit", "tiny.yaml", "--json", RAY_ADDRESS=cluster.address, **TOKEN)
        for trial in range(2):
            place.wait_for(process, after(events.Checkpointed, trial=trial, epoch=2))
        assert cluster.workers(far)
        cluster.drain(first)
        place.wait_for(process, lambda place: "is being drained" in warned(place))
        cable.cut()
        cut = time.monotonic()
        add_separate(cluster, place, gate, **kind)
        place.wait_for(process, after(events.WorkerLost, cause=LossCause.NODE_LOST))
        place.wait_for(process, lambda _: time.monotonic() > cut + 60)
        cable.mend()
        (gate / "go").touch()
        causes = sorted([LossCause.NODE_LOST, LossCause.PREEMPTED])
        check_as_trained_here(place, process, tmp_path_factory.mktemp("here"), causes)
    finally:
        cluster.end()


def warned(place):
    return " ".join(each.event.message for each in place.record() if isinstance(each.event, events.Warned))
