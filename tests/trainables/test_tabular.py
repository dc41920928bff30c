from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LinearRegression

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo, Examples
from tests.trainables.recorder import Interrupted, Recorder, numbers, recipe, train
from trainables import table_preprocessing
from trainables.networks import build
from trainables.networks.table_network import TableShape
from trainables.parts.loss import REGRESSION_LOSS
from trainables.parts.table_model import TABLE_MODEL
from trainables.tabular import Tabular

Parts = tuple[Examples, Examples]


def parts(inputs: Any, targets: Any, info: DataInfo, share: float = 0.7) -> Parts:
    order = np.random.default_rng(0).permutation(len(inputs)).astype(np.int64)
    cut = int(share * len(inputs))
    return Examples(inputs, targets, order[:cut], info), Examples(inputs, targets, order[cut:], info)


@pytest.fixture(scope="module")
def cancer() -> Parts:
    found = load_breast_cancer()
    names = tuple(map(str, found.feature_names))
    info = DataInfo("table", "classification", (30,), ("malignant", "benign"), names)
    return parts(found.data.astype(np.float32), found.target.astype(np.int64), info)


@pytest.fixture(scope="module")
def diabetes() -> Parts:
    found = load_diabetes()
    info = DataInfo("table", "regression", (10,), columns=tuple(found.feature_names))
    return parts(found.data.astype(np.float32), found.target.astype(np.float32), info)


def least_squares(data: Parts) -> float:
    """The r2 that scikit-learn's linear regression reaches."""
    (inputs, targets), held_out = ((p.inputs[p.rows], p.targets[p.rows]) for p in data)
    return float(LinearRegression().fit(inputs, targets).score(*held_out))


def colours(count: int = 400) -> Parts:
    """Whether a colour is warm, with gaps, an unknown colour, and a column that never varies."""
    random = np.random.default_rng(1)
    code = random.integers(0, 4, count).astype(np.float32)
    noise = random.normal(size=count).astype(np.float32)
    noise[::7] = np.nan
    inputs = np.stack([noise, code, np.ones(count, np.float32)], 1)
    targets = (code >= 2).astype(np.int64)
    inputs[::11, 1] = np.nan
    inputs[5, 1] = 4  # a colour that the data set does not know
    info = DataInfo(
        "table",
        "classification",
        (3,),
        ("cold", "warm"),
        ("noise", "colour", "constant"),
        {"colour": ("blue", "green", "orange", "red")},
    )
    return parts(inputs, targets, info)


def test_three_lines_classify_well(cancer: Parts) -> None:
    recorder = train({"batch_size": 32, "epochs": 15}, cancer, 15, "tabular")
    assert recorder.reports[-1]["validation/accuracy"] > 0.95


def test_three_lines_predict_well(diabetes: Parts) -> None:
    choices = {"model": {"width": 32}, "regularize": {"dropout": True}, "batch_size": 32}
    recorder = train(choices, diabetes, 40, "tabular")
    report = recorder.reports[-1]
    assert report["validation/r2"] > least_squares(diabetes) - 0.05
    spread = float(np.var(diabetes[1].targets[diabetes[1].rows]))
    assert report["validation/mean_squared_error"] == pytest.approx((1 - report["validation/r2"]) * spread)


def test_categories_and_missing_values_are_used() -> None:
    recorder = train({"model": {"depth": 1, "width": 16}, "learning_rate": 0.01}, colours(), 20, "tabular")
    assert recorder.reports[-1]["validation/accuracy"] > 0.93  # a gap in the colour cannot be known


def test_rows_are_filled_standardized_and_flagged() -> None:
    info = DataInfo("table", "classification", (2,), ("a", "b"), ("x", "k"), {"k": ("u", "v")})
    inputs = np.array([[1, 0], [3, 1], [np.nan, np.nan], [8, 2], [100, 0]], np.float32)
    labels = np.zeros(5, np.int64)
    learned = Examples(inputs, labels, np.arange(4), info)
    columns = table_preprocessing.fit(learned)
    mean, spread = 3.75, float(np.std([1, 3, 3, 8]))  # the gap is filled with the median, 3
    assert columns.shape(info).numbers == 2
    assert columns.shape(info).categories == (4,)
    expected = [
        [(v - mean) / spread, gap, code] for v, gap, code in [(1, 0, 0), (3, 0, 1), (3, 1, 3), (8, 0, 2)]
    ]
    np.testing.assert_allclose(columns.rows(learned).numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_resumed_training_equals_an_undisturbed_one(task: str, cancer: Parts, diabetes: Parts) -> None:
    data = cancer if task == "classification" else diabetes
    choices = {
        "model": {"width": 8},
        "averaging": "ema",
        "regularize": {"dropout": True, "early_stopping": True},
    }
    whole, first = train(choices, data, 4, "tabular"), Recorder(4, interrupt_after=2)
    with pytest.raises(Interrupted):
        Tabular().train(recipe(choices, "tabular"), *data, first)
    rest = train(choices, data, 4, "tabular", checkpoint=(2, first.state))
    assert numbers(first.reports + rest.reports) == numbers(whole.reports)


def test_a_loaded_model_predicts_as_the_trained_one(diabetes: Parts) -> None:
    for data in (diabetes, colours()):
        recorder = train({"model": {"width": 8}}, data, 2, "tabular")
        assert recorder.model is not None
        loaded = Tabular().load(
            recipe({"model": {"width": 8}}, "tabular"), recorder.weights[-1], data[0].info
        )
        np.testing.assert_array_equal(loaded.predict(data[1]), recorder.model.predict(data[1]))
        scores = Tabular().score(loaded.predict(data[1]), data[1].targets[data[1].rows])
        assert {f"validation/{k}": v for k, v in scores.items()}.items() <= recorder.reports[-1].items()


def test_the_validation_part_does_not_affect_the_training(diabetes: Parts) -> None:
    poisoned, targets = diabetes[0].inputs.copy(), diabetes[0].targets.copy()
    poisoned[diabetes[1].rows], targets[diabetes[1].rows] = np.nan, 1e6
    clean = train({}, diabetes, 1, "tabular")
    dirty = train({}, tuple(replace(p, inputs=poisoned, targets=targets) for p in diabetes), 1, "tabular")
    for name, array in clean.weights[-1].items():
        np.testing.assert_array_equal(dirty.weights[-1][name], array, name)


def test_every_metric_of_the_task_is_reported(diabetes: Parts) -> None:
    report = train({}, diabetes, 1, "tabular").reports[-1]
    names = {"loss", "mean_squared_error", "mean_absolute_error", "r2"}
    assert {f"{part}/{name}" for part in ("train", "validation") for name in names} <= set(report)
    assert all(math.isfinite(value) for value in report.values())


def many_categories(count: int = 100, rows: int = 2400) -> Parts:
    """Values that are the sum of an effect of each of two categories; a tenth of them is never trained on."""
    random = np.random.default_rng(3)
    effects = random.normal(size=(2, count))
    codes = random.integers(0, count, (rows, 2))
    targets = (effects[0, codes[:, 0]] + effects[1, codes[:, 1]]).astype(np.float32)
    names = tuple(map(str, range(count)))
    info = DataInfo("table", "regression", (2,), (), ("a", "b"), {"a": names, "b": names})
    return parts(codes.astype(np.float32), targets, info, 0.8)


def test_embeddings_that_start_small_learn_many_categories() -> None:
    scores = {}
    for std in (1.0, 0.01):
        choices = {"model": {"depth": 1, "width": 64, "embedding": 8, "embedding_std": std}}
        report = train({**choices, "learning_rate": 0.01}, many_categories(), 12, "tabular").reports[-1]
        scores[std] = report["validation/r2"]
    assert scores[0.01] > 0.9
    assert 1 - scores[0.01] < (1 - scores[1.0]) / 5


@pytest.mark.parametrize("optimizer", ["adamw", "nesterov"])
def test_categories_that_are_never_trained_on_are_neutral(optimizer: str) -> None:
    learned, held_out = many_categories()
    known = learned.rows[(learned.inputs[learned.rows] >= 10).all(1)]
    choices = {
        "model": {"depth": 1, "width": 32, "embedding": 8},
        "optimizer": optimizer,
        "learning_rate": 0.01,
        "regularize": {"weight_decay": True},
    }
    recorder = train(choices, (replace(learned, rows=known), held_out), 6, "tabular")
    weight = np.asarray(recorder.weights[-1]["network/embeddings.0.weight"])
    assert (weight[:10] == 0).all()  # categories of the data set without a training row
    assert (weight[-2:] == 0).all()  # unknown categories and gaps
    assert (weight[10:-2] != 0).all(1).all()


def test_recipes_on_record_keep_their_embeddings() -> None:
    recorded = {"name": "mlp", "depth": 2, "width": 8, "embedding": 30}
    chosen = {**recipe({}, "tabular"), "model": recorded}
    torch.manual_seed(0)
    network = build.network(chosen, TableShape(2, (200,)), 5, TABLE_MODEL)
    assert network.embeddings[0].weight.std().item() == pytest.approx(1, rel=0.05)  # type: ignore[index, union-attr, operator]


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (3e-13, 0.0), (1e12, 0.0), (1.0, 100.0)])
def test_columns_of_any_scale_are_used(scale: float, offset: float, diabetes: Parts) -> None:
    scaled = tuple(
        replace(part, inputs=(part.inputs * scale + offset).astype(np.float32)) for part in diabetes
    )
    choices = {"model": {"depth": 0}, "learning_rate": 0.03}
    report = train(choices, scaled, 20, "tabular").reports[-1]
    assert report["validation/r2"] == pytest.approx(least_squares(diabetes), abs=0.03)


def test_a_column_that_is_constant_in_training_has_no_effect(diabetes: Parts) -> None:
    inputs = np.concatenate([diabetes[0].inputs, np.zeros((len(diabetes[0].inputs), 1), np.float32)], 1)
    inputs[diabetes[1].rows, -1] = 1e6
    info = replace(diabetes[0].info, columns=(*diabetes[0].info.columns, "constant"), shape=(11,))
    wider = tuple(replace(part, inputs=inputs, info=info) for part in diabetes)
    choices = {"model": {"depth": 0}, "learning_rate": 0.03}
    report = train(choices, wider, 20, "tabular").reports[-1]
    assert report["validation/r2"] == pytest.approx(least_squares(diabetes), abs=0.03)


def test_targets_far_from_zero_keep_their_differences(diabetes: Parts) -> None:
    far = tuple(replace(p, targets=p.targets.astype(np.float64) / 100 + 1e9) for p in diabetes)
    choices = {"model": {"depth": 0}, "learning_rate": 0.03}
    recorder = train(choices, far, 20, "tabular")
    assert recorder.reports[-1]["validation/r2"] == pytest.approx(least_squares(diabetes), abs=0.03)
    loaded = Tabular().load(recipe(choices, "tabular"), recorder.weights[-1], far[0].info)
    outputs = loaded.predict(far[1])
    assert outputs.dtype == np.float64
    assert Tabular().score(outputs, far[1].targets[far[1].rows])["r2"] == pytest.approx(
        recorder.reports[-1]["validation/r2"]
    )


WEIGHTED = {"loss": {"name": "cross_entropy", "class_weights": "balanced"}}


@pytest.mark.parametrize("choice", [WEIGHTED, {"loss": "focal"}, {"sampling": "balanced"}])
def test_rare_classes_are_found_more_often_with_weights(choice: dict[str, Any]) -> None:
    random = np.random.default_rng(0)
    labels = (random.random(2000) < 0.05).astype(np.int64)
    inputs = (random.normal(size=(2000, 4)) + labels[:, None]).astype(np.float32)
    info = DataInfo("table", "classification", (4,), ("usual", "rare"), ("a", "b", "c", "d"))
    data = parts(inputs, labels, info)
    recalls = []
    for chosen in ({}, choice):
        report = train({**chosen, "model": {"width": 16}}, data, 8, "tabular").reports[-1]
        recalls.append(report["validation/macro_recall"])
    assert recalls[1] > recalls[0] + (-0.05 if choice.get("loss") == "focal" else 0.1)


def test_balanced_batches_need_classes(diabetes: Parts) -> None:
    with pytest.raises(UserError, match="sampling: balanced needs classes, and this data is for regression"):
        train({"sampling": "balanced"}, diabetes, 1, "tabular")
    assert "sampling" not in recipe({"sampling": "shuffled"}, "tabular")


LOSSES = {
    "mean_squared_error": lambda off: np.square(off).mean(),
    "mean_absolute_error": lambda off: np.abs(off).mean(),
    "huber": lambda off: np.where(np.abs(off) < 1, np.square(off) / 2, np.abs(off) - 0.5).mean(),
}


@pytest.mark.parametrize("name", REGRESSION_LOSS.names)
def test_the_validation_loss_of_a_regression_is_the_minimized_loss(name: str, diabetes: Parts) -> None:
    recorder = train({"regression_loss": name, "averaging": "ema"}, diabetes, 3, "tabular")
    assert recorder.model is not None
    spread = np.std(diabetes[0].targets[diabetes[0].rows])
    off = (recorder.model.predict(diabetes[1]) - diabetes[1].targets[diabetes[1].rows]) / spread
    report = recorder.reports[-1]
    assert report["validation/loss"] == pytest.approx(LOSSES[name](off), rel=1e-4)
    assert 0.3 < report["validation/loss"] / report["train/loss"] < 3  # of one unit


def test_early_stopping_uses_the_reported_loss(diabetes: Parts) -> None:
    choices = {"regression_loss": "mean_absolute_error", "learning_rate": 0.03}
    plain = train(choices, diabetes, 12, "tabular").reports
    kept = train({**choices, "regularize": {"early_stopping": True}}, diabetes, 12, "tabular").reports[-1]
    best, other = (
        min(plain, key=lambda report: report[f"validation/{name}"]) for name in ("loss", "mean_squared_error")
    )
    assert numbers([kept]) == numbers([best]) != numbers([other])


SMALL: dict[str, dict[str, Any]] = {"mlp": {"depth": 2, "width": 8, "embedding": 3}}


@pytest.mark.parametrize("name", TABLE_MODEL.names)
def test_every_model(name: str) -> None:
    shape, choices = TableShape(2, (4,)), recipe({"model": {"name": name, **SMALL[name]}}, "tabular")
    torch.manual_seed(0)
    network = build.network(choices, shape, 5, TABLE_MODEL).eval()
    torch.manual_seed(0)
    again = build.network(choices, shape, 5, TABLE_MODEL).eval()
    table = torch.tensor([[0.3, -1.0, 0.0], [1.2, 0.4, 3.0]])
    outputs = network(table)
    assert outputs.shape == (2, 5)
    assert torch.equal(outputs, again(table))
    torch.testing.assert_close(outputs[:1], network(table[:1]))
    outputs.square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    # A category is a lookup: the network on numbers is given its embedding.
    beside = torch.cat([table[:, :2], network.embeddings[0].weight[[0, 3]]], 1)  # type: ignore[index, union-attr]
    torch.testing.assert_close(network.body(beside), outputs)  # type: ignore[operator]


def test_a_linear_model_is_a_model_without_layers(diabetes: Parts) -> None:
    choices = {"model": {"depth": 0}, "learning_rate": 0.03}
    assert train(choices, diabetes, 20, "tabular").reports[-1]["validation/r2"] == pytest.approx(
        least_squares(diabetes), abs=0.03
    )
