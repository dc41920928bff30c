"""States as arrays: what is restored equals what was saved, through the files that checkpoints are."""

import collections
import importlib
import sys
import types

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from hpo.running import checkpoints
from trainables.functions import estimator_state
from trainables.functions.saved_state import CannotBeSaved, can_continue, restored, saved


def through_a_file(folder, arrays):
    checkpoints.write(folder / "state.safetensors", arrays)
    return checkpoints.read(folder / "state.safetensors")


def trained(lr=0.1):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1))
    optimizer = torch.optim.AdamW(network.parameters(), lr=lr)
    return network, optimizer, torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 5], 0.5)


def step(network, optimizer, schedule):
    optimizer.zero_grad()
    loss = network(torch.arange(12.0).reshape(4, 3)).square().mean()
    loss.backward()
    optimizer.step()
    schedule.step()
    return loss.item()


def test_network_optimizer_and_schedule_continue_as_if_undisturbed(tmp_path):
    ours, theirs = trained(), trained()
    for _ in range(2):
        step(*ours)
    for number, (source, target) in enumerate(zip(ours, theirs, strict=True)):
        arrays = through_a_file(tmp_path, saved(str(number), source))
        assert restored(str(number), target, arrays) is target
    assert [step(*ours) for _ in range(3)] == [step(*theirs) for _ in range(3)]


def test_names_of_a_networks_arrays_stay_readable():
    assert {"0.weight", "0.bias", "1.running_mean"} <= set(saved("model", trained()[0]))


class Vocabulary:
    """Saved in a folder and made anew from it, as tokenizers are."""

    def __init__(self, words):
        self.words = words

    def save_pretrained(self, folder):
        (folder / "words.txt").write_text("\n".join(self.words))

    @classmethod
    def from_pretrained(cls, folder):
        return cls((folder / "words.txt").read_text().split("\n"))


def test_what_is_saved_in_a_folder_is_made_anew_from_it(tmp_path):
    arrays = through_a_file(tmp_path, saved("tokenizer", Vocabulary(["one", "two"])))
    assert restored("tokenizer", Vocabulary([]), arrays).words == ["one", "two"]


class Holder:
    def __init__(self, state):
        self.state = state

    def state_dict(self):
        return self.state

    def load_state_dict(self, state):
        self.state = state


def test_every_plain_type_comes_back_as_it_was(tmp_path):
    state = {
        "numbers": [1, 2.5, None, True, "text", float("inf")],
        "betas": (0.9, 0.999),
        3: {"deep": np.arange(4, dtype=np.int16)},
        "half": torch.tensor([1.5, -2], dtype=torch.bfloat16),
        "milestones": collections.Counter({1: 1}),
        "empty": {},
    }
    back = restored("x", Holder(None), through_a_file(tmp_path, saved("x", Holder(state)))).state
    assert back["numbers"] == state["numbers"]
    assert back["betas"] == (0.9, 0.999)
    assert back[3]["deep"].dtype == np.int16
    assert back[3]["deep"].tolist() == [0, 1, 2, 3]
    assert back["half"].dtype == torch.bfloat16
    assert torch.equal(back["half"], state["half"])
    assert back["milestones"] == state["milestones"]
    assert back["empty"] == {}


def test_a_mapping_of_arrays_is_filled_in_place(tmp_path):
    arrays = through_a_file(tmp_path, saved("w", {"a": np.ones(2)}))
    mine = {"a": np.zeros(2)}
    assert restored("w", mine, arrays) is mine
    assert mine["a"].tolist() == [1, 1]


def test_a_mapping_is_made_anew_where_nothing_was_built(tmp_path):
    back = restored("w", None, through_a_file(tmp_path, saved("w", {"a": np.ones(2), "n": 3})))
    assert back["a"].tolist() == [1, 1]
    assert back["n"] == 3


def test_a_state_of_an_object_that_nobody_built_is_refused(tmp_path):
    arrays = through_a_file(tmp_path, saved("model", Holder({"a": np.ones(2)})))
    with pytest.raises(CannotBeSaved, match="has to exist before its state can be restored"):
        restored("model", None, arrays)


def test_a_pair_of_functions_writes_and_reads_a_folder(tmp_path):
    seen = {}

    def save(folder):
        (folder / "deep").mkdir()
        (folder / "deep" / "weights.bin").write_bytes(b"\x00\x01")

    def load(folder):
        seen["content"] = (folder / "deep" / "weights.bin").read_bytes()

    restored("m", (save, load), through_a_file(tmp_path, saved("m", (save, load))))
    assert seen == {"content": b"\x00\x01"}


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        RandomForestClassifier(3),
        GradientBoostingClassifier(n_estimators=3),
        HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=5),
        MLPClassifier((4,), max_iter=3),
        KNeighborsClassifier(algorithm="kd_tree"),
        GaussianProcessClassifier(1.0 * RBF()),
        make_pipeline(StandardScaler(), DecisionTreeClassifier()),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_an_estimator_is_saved_by_skops(tmp_path, estimator):
    inputs, targets = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) % 2
    estimator.fit(inputs, targets)
    arrays = through_a_file(tmp_path, saved("model", estimator))
    back = restored("model", None, arrays)
    assert back.predict_proba(inputs).tolist() == estimator.predict_proba(inputs).tolist()


def test_a_pipeline_that_encodes_a_table_of_pandas_is_saved(tmp_path):
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"age": random.normal(size=40), "port": random.choice(["S", "C"], 40)})
    frame.loc[3, "age"] = np.nan
    kinds = pd.DataFrame({"age": frame.age, "port": frame.port.astype("category")})
    targets = np.arange(40) % 2
    numbers = make_pipeline(SimpleImputer(), SplineTransformer(), SelectKBest(f_classif, k=2))
    columns = make_column_transformer((numbers, ["age"]), (OneHotEncoder(), ["port"]))
    boosted = HistGradientBoostingClassifier(max_iter=3, categorical_features="from_dtype")
    chosen = GridSearchCV(LinearSVC(), {"C": [0.1, 1.0]}, cv=KFold(2))
    linear = make_pipeline(columns, CalibratedClassifierCV(LinearSVC()))
    for estimator, rows in ((linear, frame), (boosted, kinds), (make_pipeline(columns, chosen), frame)):
        estimator.fit(rows, targets)
        back = restored("model", None, through_a_file(tmp_path, saved("model", estimator)))
        assert back.predict(rows).tolist() == estimator.predict(rows).tolist()


def test_a_booster_of_lightgbm_is_saved_as_the_text_of_its_model_and_not_continued(tmp_path, monkeypatch):
    """A stand-in for the library, which is not installed with hpo."""
    booster = type("Booster", (Text,), {"__module__": "lightgbm.basic"})
    monkeypatch.setitem(sys.modules, "lightgbm", types.ModuleType("lightgbm"))
    monkeypatch.setitem(sys.modules, "lightgbm.basic", types.SimpleNamespace(Booster=booster))
    grown = booster("tree")
    back = restored("model", None, through_a_file(tmp_path, saved("model", grown)))
    assert (type(back), back.text) == (booster, "tree")
    assert not can_continue(grown)
    assert can_continue(LogisticRegression())


class Text:
    def __init__(self, text):
        self.text = text

    def __getstate__(self):
        return {"handle": self.text}

    def __setstate__(self, state):
        self.text = state["handle"]


def test_every_type_that_is_trusted_exists():
    for name in estimator_state.TRUSTED:
        module, _, kind = name.rpartition(".")
        assert hasattr(importlib.import_module(module), kind), name


def test_a_pipeline_and_its_steps_are_restored_where_the_training_holds_them(tmp_path):
    inputs = np.random.default_rng(0).normal(size=(90, 3))
    targets = inputs.argmax(1)
    scaler, classifier = StandardScaler().fit(inputs), SGDClassifier(random_state=0)
    pipeline = make_pipeline(scaler, classifier)
    classifier.partial_fit(scaler.transform(inputs), targets, classes=[0, 1, 2])
    arrays = through_a_file(tmp_path, saved("model", pipeline))
    before = pipeline.decision_function(inputs)
    classifier.partial_fit(scaler.transform(inputs), targets)
    assert restored("model", pipeline, arrays) is pipeline
    assert (pipeline[0], pipeline[1]) == (scaler, classifier)
    assert classifier.decision_function(scaler.transform(inputs)).tolist() == before.tolist()
    assert classifier.t_ == 1 + len(inputs)


def test_an_estimator_with_a_function_of_ones_own_is_refused():
    from sklearn.preprocessing import FunctionTransformer

    with pytest.raises(CannotBeSaved, match=r"model contains .*square.*pair of functions"):
        saved("model", FunctionTransformer(square))


def square(values):
    return values**2


def test_what_only_pickling_could_save_is_refused_with_its_path():
    with pytest.raises(CannotBeSaved, match=r"sampler: queue/0 is a object.*pair of functions"):
        saved("sampler", Holder({"queue": [object()]}))
    with pytest.raises(CannotBeSaved, match="generator is a object, which cannot be saved"):
        saved("generator", object())


def test_a_saved_file_stays_inside_its_folder(tmp_path):
    from trainables.functions.saved_state import FILES, _packed

    arrays = {FILES: _packed(["../out"]), "file/0": np.zeros(1, np.uint8)}
    with pytest.raises(ValueError, match="outside its folder"):
        restored("m", (print, print), arrays)
