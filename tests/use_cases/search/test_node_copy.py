"""A node without the home fetches data, splits and code once, verified, and trains on them alone."""

import pickle
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hpo.core.errors import StoreUnreachable, UserError
from hpo.core.home import Home
from hpo.core.ports import TrainingTask
from hpo.running.node_check import with_marker
from hpo.running.node_faults import setup_fault
from hpo.running.worker import Worker
from hpo.spec import read_spec
from hpo.storage.file_store import FileStore
from hpo.use_cases.dataset.split_dataset import split_dataset_of
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.search.assembly import environment_of
from hpo.use_cases.search.node_copy import CACHE, NodeCopy
from hpo.use_cases.search.stored_files import code_files
from tests.faults.tiny_search import DATA, MODEL, SPEC


@pytest.fixture
def own_modules():
    """Forget what a test imports from its own folder."""
    modules, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("tiny_"):
            del sys.modules[name]


@pytest.fixture
def store(tmp_path):
    store = FileStore(str(tmp_path / "store"))
    store.require_writable()
    return store


@pytest.fixture(scope="module")
def submitted(tmp_path_factory):
    """A spec of code in a folder, and its data in a home below it."""
    project = tmp_path_factory.mktemp("laptop")
    for name, text in (("tiny_data.py", DATA), ("tiny_model.py", MODEL), ("tiny.yaml", SPEC)):
        (project / name).write_text(text)
    spec, home = read_spec(str(project / "tiny.yaml")), Home.at(project / "home").create()
    return spec, split_dataset_of(spec.data, spec.base, home)


@pytest.fixture
def environment(tmp_path, submitted, store, monkeypatch, own_modules):
    """Of a search whose home and code a test moves away."""
    spec, dataset = submitted
    base, data = tmp_path / "laptop", dataset.prepared.folder.relative_to(spec.base)
    shutil.copytree(spec.base, base)
    spec, folder = replace(spec, base=base), Home(base / "home").search("tiny-1")
    splits = dataset.splits(spec.finalists.fresh, spec.finalists.seeds)
    staging = DataStaging.of(spec.trainable, base, base / data, splits, folder.root)
    copy = NodeCopy(str(tmp_path / "store"), "searches/tiny-1-0", staging, code_files(spec))
    monkeypatch.setenv(CACHE, str(tmp_path / "node"))
    return with_marker(environment_of(spec, staging, folder, copy=copy))


def moved_away(environment):
    """Return the environment with its copy in the store, and let nobody see the home any more."""
    environment = replace(environment, copy=environment.copy.uploaded(environment.folder))
    environment.copy.staging.base.rename(environment.copy.staging.base.with_name("away"))
    return pickle.loads(pickle.dumps(environment))


def trained(environment):
    recipe = {"rate": 0.1, "seconds": 0.0}
    worker, epochs = Worker(environment), []
    worker.start(TrainingTask(0, 1, recipe, 1, 3, keep_weights=True))
    while True:
        message = worker.advance()
        epochs += [report.epoch for report in message.reports]
        if message.failure or message.weights[0] or message.node_fault:
            worker.abandon()
            return message, epochs


def test_a_node_without_the_home_trains_on_what_it_fetched_and_keeps_nothing(environment, store, tmp_path):
    environment = moved_away(environment)
    assert setup_fault(environment) == ""
    here = environment.here()
    assert (here.apart, here.check.staging.base.parent) == (True, tmp_path / "node" / "code")
    message, epochs = trained(here)
    assert (message.node_fault, message.failure, epochs) == ("", None, [1, 2, 3])
    names = store.names(environment.copy.prefix)
    assert f"{environment.copy.prefix}/weights/{message.weights[0]}" in names
    store.load(f"{environment.copy.prefix}/weights/0-1.safetensors", tmp_path / "w", message.weights[1])
    left = [path.name for path in here.folder.root.rglob("*") if path.is_file()]
    assert left == [".seen"]


def test_what_is_known_of_the_test_part_stays_in_the_home(environment, store):
    copy = environment.copy.uploaded(environment.folder)
    assert {"manifest.json", "inputs.npy", "targets.npy"} <= set(copy.bundles["data"])
    assert [name for name in copy.bundles["data"] if "test" in name or "signature" in name] == []
    assert set(copy.bundles["code"]) == {"tiny_data.py", "tiny_model.py"}


def test_files_are_fetched_once_for_all_processes_of_a_node(environment, monkeypatch):
    environment = moved_away(environment)
    environment.here()
    monkeypatch.setattr(FileStore, "fetch", None)  # a second fetch would fail
    assert environment.here().apart


def test_a_damaged_file_of_the_store_is_named_and_nothing_of_it_is_used(environment, tmp_path):
    environment = moved_away(environment)
    (damaged,) = (tmp_path / "store").rglob(environment.copy.bundles["data"]["inputs.npy"])
    damaged.write_bytes(b"x" * damaged.stat().st_size)
    fault = setup_fault(environment)
    assert fault.startswith("it does not see ")
    assert "a folder of the home, and inputs.npy in the store" in fault
    assert "is damaged: its digest differs" in fault
    assert list((tmp_path / "node" / "data").iterdir()) == []


def test_a_store_out_of_reach_is_named(environment, tmp_path, monkeypatch):
    environment = moved_away(environment)
    (tmp_path / "store").rename(tmp_path / "gone")
    monkeypatch.setattr("hpo.use_cases.search.fetched_folder.patiently", lambda operation: operation())
    assert f"home, and the store {tmp_path}/store cannot be used: there is no folder" in setup_fault(
        environment
    )


def test_a_node_that_cannot_write_its_cache_says_which_variable_sets_it(environment, monkeypatch):
    environment = moved_away(environment)
    monkeypatch.setenv(CACHE, "/proc/nowhere")
    assert f"/proc/nowhere cannot be made: No such file or directory; {CACHE} names another" in setup_fault(
        environment
    )


def test_a_cache_that_others_can_change_is_not_used(environment, tmp_path):
    environment = moved_away(environment)
    (tmp_path / "node").mkdir()
    (tmp_path / "node").chmod(0o777)
    with pytest.raises(UserError, match=f"can be changed by other users; {CACHE} names another folder"):
        environment.here()


def test_checkpoints_of_the_home_are_copied_with_the_rest(environment, store):
    environment.folder.checkpoints.mkdir()
    (environment.folder.checkpoints / "0-0-2.safetensors").write_bytes(b"state")
    environment.copy.uploaded(environment.folder)
    assert store.names(environment.copy.prefix) == ["searches/tiny-1-0/checkpoints/0-0-2.safetensors"]


def test_a_store_that_cannot_be_written_ends_the_upload(environment, tmp_path, monkeypatch):
    monkeypatch.setattr("hpo.use_cases.search.node_copy.patiently", lambda operation: operation())
    (tmp_path / "store").rename(tmp_path / "gone")
    (tmp_path / "store").touch()
    with pytest.raises(StoreUnreachable, match=r"the store .* cannot be used: "):
        environment.copy.uploaded(environment.folder)


def test_without_a_copy_a_home_out_of_sight_stays_a_fault(environment):
    environment.folder.root.rename(Path(f"{environment.folder.root}-away"))
    assert replace(environment, copy=None).here().apart is False
    assert setup_fault(environment).startswith("it does not see ")
