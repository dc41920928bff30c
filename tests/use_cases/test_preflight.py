"""The preflight: planted faults are found, sound recipes are not doubted, a user's own code is examined."""

from types import SimpleNamespace

import pytest

from hpo.core.errors import UserError
from hpo.core.health import PreflightReport
from hpo.core.home import Home
from hpo.core.json_values import jsonable
from hpo.spec import parse_spec
from hpo.use_cases.health.chance import NEITHER, fit_of
from hpo.use_cases.preflight import (
    examine,
    preflight_before,
    preflight_recipe,
    preflight_spec,
    tried_before,
)
from hpo.use_cases.try_recipe import try_recipe
from tests.use_cases import planted
from trainables.image_classifier import ImageClassifier
from trainables.tabular import Tabular

SOUND = [
    *[("digits", {"optimizer": name}) for name in ("momentum", "adam", "lamb", "rmsprop", "adagrad")],
    *[("digits", {"model": "mlp", "activation": name}) for name in ("tanh", "gelu", "elu")],
    ("digits", {"model": "vit"}),
    ("digits", {"model": "resnet"}),
    ("digits", {"model": "mlp", "init": "orthogonal", "optimizer": "nesterov"}),
    ("digits", {"model": "mlp", "init": "he_normal", "normalization": "layer_norm"}),
    (
        "digits",
        {"loss": {"name": "cross_entropy", "label_smoothing": 0.1}, "regularize": {"dropout": {"p": 0.3}}},
    ),
    ("digits", {"augment": {"horizontal_flip": {"p": 0.5}, "mixup": {"alpha": 0.2}}}),
    ("digits", {"model": "mlp", "loss": "focal"}),
    ("wine", {}),
    ("breast_cancer", {"optimizer": "momentum", "batch_size": 32}),
    ("breast_cancer", {"model": {"name": "mlp", "depth": 4}, "activation": "silu"}),
    ("diabetes", {}),
    ("diabetes", {"optimizer": "adam", "regression_loss": "huber"}),
]

FAULTS = [
    (fault, names) for faults in (planted.TASK_FAULTS, planted.DATA_FAULTS) for fault, names in faults.items()
]


def doubts(report):
    return {check.name: check for check in report.checks if check.verdict in ("doubtful", "wrong")}


def with_fault(fault, data, choices):
    kind = ImageClassifier if data == "digits" else Tabular
    planting = {"task": fault} if fault in planted.TASK_FAULTS else {"data": fault}
    return planted.subject(data, planted.faulty(kind, **planting), **choices)


@pytest.mark.parametrize(("fault", "names"), FAULTS, ids=[fault.__name__ for fault, _ in FAULTS])
def test_a_planted_fault_is_found(fault, names):
    found = doubts(examine(with_fault(fault, "wine", {"model": "mlp"})))
    assert found.keys() & set(names), found


@pytest.mark.slow
@pytest.mark.parametrize("model", planted.MODELS[:2], ids=["mlp", "cnn"])
@pytest.mark.parametrize(("fault", "names"), FAULTS, ids=[fault.__name__ for fault, _ in FAULTS])
def test_a_planted_fault_is_found_in_networks_for_images(fault, names, model):
    data, choices = model
    found = doubts(examine(with_fault(fault, data, choices)))
    assert found.keys() & set(names), found


@pytest.mark.slow
def test_of_twenty_sound_recipes_at_most_one_is_doubted():
    assert len(SOUND) == 20
    found = [(choices, doubts(examine(planted.subject(data, **choices)))) for data, choices in SOUND]
    assert sum(bool(checks) for _, checks in found) <= 1, [pair for pair in found if pair[1]]


def test_a_sound_recipe_is_not_doubted_and_its_report_survives_json():
    report = examine(planted.subject("wine"))
    assert not doubts(report), doubts(report)
    assert report.exit_code == 0
    assert PreflightReport.of_json(jsonable(report.to_json())).checks == report.checks
    assert {histogram.kind for histogram in report.histograms} == {"weights", "activations", "gradients"}


SPEC = {
    "version": 1,
    "data": {"source": "digits"},
    "trainable": "image_classifier",
    "recipe": {"model": {"name": "mlp"}},
    "space": {
        "learning_rate": {"loguniform": [1e-3, 0.3]},
        "init": {"choice": ["he_normal", "zero"]},
        "activation": {"choice": ["relu", "tanh"]},
        "model.width": {"randint": [16, 512]},
    },
    "scheduler": {"name": "none", "max_epochs": 3},
    "budget": {"trials": 4},
}


@pytest.mark.slow
def test_layers_and_costs_are_looked_at_over_the_space_and_kept_for_the_report(tmp_path):
    home, spec = Home(tmp_path), parse_spec(SPEC)
    report = preflight_spec(spec, home=home)
    layers = {c.name: c.verdict for c in report.checks if c.name.startswith("layers")}
    assert layers["layers with he_normal, relu"] == "right"
    assert layers["layers with zero, relu"] in ("doubtful", "wrong")
    assert len(layers) == 4
    corners = [corner.name for corner in report.corners]
    assert "model.width = 512" in corners
    assert "all the slowest together" in corners
    before = preflight_before(spec.digest, home)
    assert before is not None
    assert before.checks == report.checks
    try_recipe(spec, home=home)
    assert {check.verdict for check in tried_before(spec.digest, home)} == {"right"}


CODE = """
import torch
import hpo
from trainables.health.parts import TrainingParts

@hpo.trainable(metrics={"accuracy": "max"})
def fit(run, data, *, rate=0.1, twice=False):
    torch.manual_seed(run.seed)
    model = run.build()
    optimizer = torch.optim.SGD(model.parameters(), rate)
    x, y = torch.tensor(data.train.inputs).float(), torch.tensor(data.train.targets)
    for epoch in run.epochs():
        for _ in range(10):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        run.report(evaluate(run, model, data.validation))

@fit.build
def build(run):
    layers = [torch.nn.Flatten(), torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3)]
    if run.params["twice"]:
        layers.append(torch.nn.Softmax(1))
    return torch.nn.Sequential(*layers)

@fit.predict
def predict(run, model, dataset):
    with torch.no_grad():
        return model(torch.tensor(dataset.inputs).float()).numpy()

@fit.evaluate
def evaluate(run, model, dataset):
    return {"accuracy": predict(run, model, dataset).argmax(1) == dataset.targets}

def rows(part):
    import numpy as np
    random = np.random.default_rng(0 if part == "development" else 1)
    labels = random.integers(0, 3, 600)
    inputs = random.normal(size=(600, 8)).astype("float32")
    inputs[np.arange(600), labels] += 4
    return inputs, labels
"""
PARTS = """
@fit.parts
def parts(run, data):
    model = run.build()
    x, y = torch.tensor(data.train.inputs[:64]).float(), torch.tensor(data.train.targets[:64])
    return TrainingParts(model, torch.nn.CrossEntropyLoss(), x, y, torch.optim.SGD(model.parameters(), 0.1))
"""


@pytest.mark.parametrize(
    "shown",
    [pytest.param(False, id="outside"), pytest.param(True, id="inside", marks=pytest.mark.slow)],
)
def test_a_users_own_code_is_looked_at_from_outside_and_inside_where_it_shows_its_network(tmp_path, shown):
    module = f"own_{'shown' if shown else 'hidden'}"
    (tmp_path / f"{module}.py").write_text(CODE + (PARTS if shown else ""))
    spec = {
        "version": 1,
        "data": {"source": f"{module}:rows"},
        "trainable": f"{module}:fit",
        "space": {"rate": {"loguniform": [0.01, 1.0]}},
        "scheduler": {"name": "none", "max_epochs": 3},
        "budget": {"trials": 2},
    }
    report = preflight_spec(parse_spec(spec, base=tmp_path), home=Home(tmp_path / "home"))
    verdicts = {check.name: check.verdict for check in report.checks}
    assert verdicts["true labels"] == verdicts["shuffled labels"] == verdicts["tiny subset"] == "right"
    if not shown:
        assert verdicts["network"] == "open"
        return
    assert verdicts["loss at start"] == verdicts["gradients"] == verdicts["trained layers"] == "right"
    twice = preflight_spec(
        parse_spec(spec, base=tmp_path), home=Home(tmp_path / "home"), values={"twice": True}
    )
    assert doubts(twice)["outputs"].verdict == "wrong"


def test_code_that_does_not_predict_leaves_open_how_well_it_would():
    class Silent:
        def predict(self, examples):
            raise UserError("predictions need a function")

    rows = SimpleNamespace(info=SimpleNamespace(task="classification"))
    assert fit_of(Silent(), rows) == "predictions need a function"
    rows.info.task = "segmentation"
    assert fit_of(Silent(), rows) == NEITHER


def test_a_recipe_is_examined_with_the_spec_beside_it(tmp_path):
    from hpo.spec.recipe_files import yaml_text

    (tmp_path / "digits.yaml").write_text(yaml_text(SPEC))
    recipe = {"version": 1, "trainable": "image_classifier", "recipe": {"model": "mlp", "loss": "hinge"}}
    (tmp_path / "mine.yaml").write_text(yaml_text(recipe))
    report = preflight_recipe(tmp_path / "mine.yaml", home=Home(tmp_path / "home"))
    assert report.recipe["loss"]["name"] == "hinge"
    assert len(report.corners) == 1
