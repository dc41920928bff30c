"""Splits as workers open them: whole groups, ordered times, and a final part that is not read earlier."""

import pickle

import numpy as np
import pytest

from hpo.core.errors import UserError
from hpo.core.events import Cause
from hpo.core.fresh_seeds import FreshSeeds
from hpo.core.home import Home, SearchFolder
from hpo.core.objective import Objective
from hpo.core.ports import TrainingTask
from hpo.running.environment import TrainingEnvironment
from hpo.running.worker import Worker
from hpo.spec.data_fields import Data
from hpo.use_cases.dataset.split_dataset import split_dataset_of
from hpo.use_cases.dataset.staging import DataStaging

PLAIN = FreshSeeds()
SOURCE = """
import numpy as np

def people(part, n=120, each=6, times=False, groups=True):
    random = np.random.default_rng(0 if part == "development" else 1)
    inputs = random.normal(size=(n, 2)).astype("float32")
    inputs[:, 1] = np.arange(n)
    given = {"inputs": inputs, "targets": np.arange(n) % 2, "classes": ["a", "b"]}
    shift = 0 if part == "development" else 1000
    if groups:
        given["groups"] = np.arange(n) // each + shift
    if times == "text":
        given["times"] = ["monday", "tuesday"] * (n // 2)
    elif times == "dates":
        given["times"] = np.datetime64("2024-02-27") + np.arange(n)[::-1]
    elif times:
        given["times"] = np.arange(n)[::-1] // times + shift
    return given
"""
MODEL = """
import json, os
import numpy as np
from hpo.core.grammar import Grammar
from hpo.core.trainable import Metric

def noted(what, rows):
    with open(os.environ["SEEN"], "a") as file:
        print(json.dumps([what, [int(row) for row in rows]]), file=file)

class Noting:
    grammar = Grammar(())
    metrics = (Metric("accuracy", "max", proportion=True),)

    def train(self, recipe, train, validation, context):
        noted("train", train.rows)
        noted("validation", validation.rows)
        for epoch in context.epochs():
            context.report({"validation/accuracy": [0.5, 0.9, 0.7][epoch - 1]}, Model(epoch))

    def load(self, recipe, weights, info):
        return Model(float(weights["epoch"]))

    def score(self, outputs, targets):
        return {"accuracy": float(outputs.mean()) / 10}

class Model:
    def __init__(self, epoch):
        self.epoch = epoch

    def weights(self):
        return {"epoch": np.array(self.epoch)}

    def predict(self, examples):
        noted("predict", examples.rows)
        return np.full(len(examples), self.epoch)
"""


@pytest.fixture
def base(tmp_path, request):
    """A folder with a source and a trainable whose module names no other test uses."""
    name = f"stage_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}_data.py").write_text(SOURCE)
    (tmp_path / f"{name}_model.py").write_text(MODEL)
    return tmp_path, name


def material(base, home="home", **said):
    folder, name = base
    arguments = said.pop("arguments", {})
    data = Data(source=f"{name}_data:people", arguments=arguments, **said)
    return split_dataset_of(data, folder, Home(folder / home))


def staging(base, found, fresh=PLAIN, seeds=1):
    folder, name = base
    splits = found.splits(fresh, seeds)
    return DataStaging.of(f"{name}_model:Noting", folder, found.prepared.folder, splits, folder / "search")


def rows(stage, split):
    parts = stage.parts(split)
    return set(parts.train.rows.tolist()), set(parts.validation.rows.tolist())


def test_every_named_split_can_be_opened_in_another_process(base):
    found = material(base, validation=0.2)
    stage = pickle.loads(pickle.dumps(staging(base, found, FreshSeeds(3), 2)))()
    assert rows(stage, "search") == (set(found.split.train), set(found.split.validation))
    for deal in (1, 2):
        held_out = [rows(stage, f"fold-{deal}.{fold}")[1] for fold in (1, 2, 3)]
        assert set.union(*held_out) == set(range(120))
        assert sum(map(len, held_out)) == 120
    assert rows(stage, "fold-1.1") != rows(stage, "fold-2.1")
    assert stage.final() is None


def test_all_rows_of_a_person_stay_together_in_every_part_and_fold(base):
    found = material(base, validation={"search": 0.2, "final": 0.2})
    groups = np.arange(120) // 6
    parts = [set(groups[part]) for part in found.split.roles().values()]
    assert len(parts) == 3
    assert all(not a & b for a in parts for b in parts if a is not b)
    assert found.facts()["groups"] == {role: len(set(groups[r])) for role, r in found.split.roles().items()}
    whole = material(base, validation=0.2)
    for name, split in whole.splits(FreshSeeds(4), 2).items():
        assert not set(groups[split.train]) & set(groups[split.validation]), name
    assert whole.facts(FreshSeeds(4), 2)["folds"]["deals"] == 2


def test_validation_is_later_than_train_and_final_later_still(base):
    found = material(base, arguments={"times": 1, "groups": False}, validation={"search": 0.2, "final": 0.1})
    times = np.arange(120)[::-1]
    train, validation, final = (times[part] for part in found.split.roles().values())
    assert train.max() < validation.min() <= validation.max() < final.min()
    whole = material(base, arguments={"times": 1, "groups": False})
    cut = whole.splits(FreshSeeds(3), 2)
    for name, split in cut.items():
        assert times[split.train].max() < times[split.validation].min(), name
    assert cut["fold-1.2"].fingerprint == cut["fold-2.2"].fingerprint
    assert whole.facts(FreshSeeds(3), 2)["folds"]["deals"] == 1
    assert whole.facts()["by"] == "time"


def test_times_may_be_dates_but_not_texts_and_ties_are_reported(base):
    dated = material(base, arguments={"times": "dates", "groups": False})
    assert np.diff(dated.labelled.times).tolist() == [-1.0] * 119
    assert dated.prepared.warnings == ()
    tied = material(base, arguments={"times": 4, "groups": False}, home="tied")
    assert tied.prepared.warnings[0] == "120 of 120 rows share their time with others and stay together"
    times = tied.labelled.times
    assert times[tied.split.train].max() < times[tied.split.validation].min()
    with pytest.raises(UserError, match="as numbers or numpy dates, not as texts or objects: 'monday'"):
        material(base, arguments={"times": "text"}, home="text")


def test_the_seed_of_the_split_decides_the_folds_and_their_fingerprint(base):
    first, again = material(base), material(base, home="another")
    other = material(base, split_seed=1)
    fresh = FreshSeeds(3)
    assert first.facts(fresh, 2) == again.facts(fresh, 2)
    assert first.facts(fresh, 2)["folds"]["fingerprint"] != other.facts(fresh, 2)["folds"]["fingerprint"]


def test_impossible_folds_are_refused_with_the_reason(base):
    with pytest.raises(UserError, match=r"finalists.folds: 30 folds: data: 20 groups cannot be divided"):
        material(base).splits(FreshSeeds(30), 1)
    with pytest.raises(UserError, match="class 'a' has 60 examples, too few for 70 parts"):
        material(base, arguments={"groups": False}).splits(FreshSeeds(70), 1)


def trained(base, found, monkeypatch, **order):
    """Return the rows that a training read, by purpose, and its last message."""
    import json

    folder, _ = base
    monkeypatch.setenv("SEEN", str(folder / "seen"))
    place = TrainingEnvironment(staging(base, found), SearchFolder(folder / "search"), Objective("accuracy"))
    worker = Worker(place)
    worker.start(TrainingTask(**{"trial": 0, "replicate": 0, "recipe": {}, "seed": 1, "horizon": 3, **order}))
    for _ in range(50):
        message = worker.advance()
        if message.failure or (message.reports and message.reports[-1].epoch == 3):
            break
    worker.abandon()
    assert message.failure is None
    lines = (folder / "seen").read_text().splitlines()
    (folder / "seen").unlink()
    return [(what, set(seen)) for what, seen in map(json.loads, lines)], message


def test_the_final_part_is_not_read_before_a_fresh_seed_has_trained(base, monkeypatch):
    found = material(base, arguments={"groups": False}, validation={"search": 0.25, "final": 0.25})
    final = set(found.split.final.tolist())
    seen, message = trained(base, found, monkeypatch)
    assert all(not rows & final for _, rows in seen)
    assert message.scores == {}
    seen, message = trained(base, found, monkeypatch, replicate=1, keep_weights=True)
    *before, (what, last) = seen
    assert all(not rows & final for _, rows in before)
    assert (what, last) == ("predict", final)
    # The second epoch was the best on the search's part: its weights are scored, not the last ones.
    assert message.scores == {"final/accuracy": pytest.approx(0.2)}


def test_a_failing_score_on_the_final_part_fails_that_training(base, monkeypatch):
    folder, name = base
    model = folder / f"{name}_model.py"
    model.write_text(MODEL.replace("return Model(float", "raise ValueError('no'); return Model(float"))
    monkeypatch.setenv("SEEN", str(folder / "seen"))
    found = material(base, arguments={"groups": False}, validation={"search": 0.25, "final": 0.25})
    worker = Worker(
        TrainingEnvironment(staging(base, found), SearchFolder(folder / "search"), Objective("accuracy"))
    )
    worker.start(TrainingTask(0, 1, {}, 1, 3, keep_weights=True))
    for _ in range(50):
        if (message := worker.advance()).failure:
            break
    worker.abandon()
    assert message.failure[0] is Cause.CODE_ERROR
