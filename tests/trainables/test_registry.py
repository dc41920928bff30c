from __future__ import annotations

import importlib
import subprocess
import sys
from dataclasses import replace

import pytest

from hpo.core.grammar import Group, Part
from hpo.core.trainable import DataInfo
from trainables import registry
from trainables.image_classifier import ImageClassifier
from trainables.tabular import Tabular

GROUPS = [
    pytest.param(group, id=f"{shipped.name}-{group.name}")
    for shipped in registry.SHIPPED.values()
    for group in shipped.grammar.groups
]
PARTS = [
    pytest.param(part, id=f"{shipped.name}-{group.name}-{part.name}")
    for shipped in registry.SHIPPED.values()
    for group in shipped.grammar.groups
    for part in group.parts
]


def test_shipped_names_resolve_to_the_trainables() -> None:
    assert isinstance(registry.SHIPPED["image_classifier"].load(), ImageClassifier)
    assert isinstance(registry.SHIPPED["tabular"].load(), Tabular)
    assert {name for name, shipped in registry.SHIPPED.items() if shipped.name == name} == set(
        registry.SHIPPED
    )


# Every group has a test module that covers its table, so that a part without a test fails there.
TESTED = {
    "model": ("networks.test_models", "test_tabular"),
    "activation": ("networks.test_activations",),
    "normalization": ("networks.test_normalizations",),
    "init": ("networks.test_initializations",),
    "loss": ("optimization.test_losses",),
    "regression_loss": ("optimization.test_losses",),
    "optimizer": ("optimization.test_optimizers",),
    "schedule": ("optimization.test_schedules",),
    "warmup": ("optimization.test_schedules",),
    "batch_scaling": ("optimization.test_schedules",),
    "gradient_clipping": ("optimization.test_penalties",),
    "regularize": ("networks.test_regularizing",),
    "averaging": ("optimization.test_weight_averages",),
    "transfer": ("networks.test_transfer",),
    "preprocessing": ("test_preprocessing",),
    "augment": ("parts.test_augmentation",),
    "test_augment": ("augmentation.test_views",),
}


@pytest.mark.parametrize("group", GROUPS)
def test_the_tests_of_a_group_cover_its_table(group: Group) -> None:
    for name in TESTED[group.name]:
        tests = importlib.import_module(f"tests.trainables.{name}")
        tables_there = [each for each in vars(tests).values() if isinstance(each, Group)]
        assert group.name in [each.name for each in tables_there]


@pytest.mark.parametrize("part", PARTS)
def test_every_builder_exists(part: Part) -> None:
    assert callable(part.load())


@pytest.mark.parametrize("part", PARTS)
def test_every_part_names_its_source(part: Part) -> None:
    assert part.source


@pytest.mark.parametrize("group", GROUPS)
def test_defaults_are_legal_and_names_unique(group: Group) -> None:
    assert len(set(group.names)) == len(group.parts)
    assert group.many or group.default in group.names
    for hyperparameter in group.hyperparameters + tuple(
        h for part in group.parts for h in part.hyperparameters
    ):
        assert hyperparameter.complaint(hyperparameter.default) is None, hyperparameter
        assert hyperparameter.doc, hyperparameter
    for part in group.parts:
        taken = {hyperparameter.name for hyperparameter in group.hyperparameters}
        assert not taken & {hyperparameter.name for hyperparameter in part.hyperparameters}


@pytest.mark.parametrize("shipped", registry.SHIPPED.values(), ids=lambda shipped: shipped.name)
def test_an_empty_recipe_is_legal(shipped: registry.ShippedTrainable) -> None:
    assert shipped.grammar.faults({}) == []
    resolved = shipped.grammar.resolve({})
    assert shipped.grammar.resolve(resolved) == resolved


@pytest.mark.parametrize(
    ("group", "part"),
    [("activation", "binary_step"), ("init", "zero"), ("init", "large_gaussian")],
)
def test_parts_for_demonstration_give_the_reason(group: str, part: str) -> None:
    found = registry.IMAGE_CLASSIFIER.grammar.group(group).part(part)
    assert found.demonstration


IMAGES = DataInfo("image", "classification", (8, 8, 1), ("a", "b"))
CLASSES = DataInfo("table", "classification", (4,), ("a", "b"))
VALUES = DataInfo("table", "regression", (4,))


@pytest.mark.parametrize(
    ("shipped", "info", "metric"),
    [
        (registry.IMAGE_CLASSIFIER, IMAGES, "accuracy"),
        (registry.TABULAR, CLASSES, "macro_f1"),
        (registry.TABULAR, VALUES, "r2"),
    ],
)
def test_suitable_data_is_accepted(shipped: registry.ShippedTrainable, info: DataInfo, metric: str) -> None:
    assert shipped.complaint(info, metric) is None


@pytest.mark.parametrize(
    ("shipped", "info", "metric", "message"),
    [
        (registry.TABULAR, IMAGES, "accuracy", "images of shape 8 x 8 x 1; legal here: image_classifier"),
        (registry.IMAGE_CLASSIFIER, CLASSES, "accuracy", "tables of shape 4; legal here: tabular"),
        (registry.IMAGE_CLASSIFIER, replace(IMAGES, kind="array"), "accuracy", "images are uint8"),
        (
            registry.IMAGE_CLASSIFIER,
            replace(IMAGES, task="regression"),
            "accuracy",
            "this data is for regression",
        ),
        (
            registry.TABULAR,
            VALUES,
            "accuracy",
            "accuracy is not a metric of regression; legal here: mean_squared",
        ),
        (registry.TABULAR, CLASSES, "r2", "r2 is not a metric of classification; legal here: accuracy"),
        (registry.TABULAR, replace(CLASSES, classes=("only",)), "accuracy", "are of class 'only'"),
    ],
)
def test_unsuitable_data_is_named(
    shipped: registry.ShippedTrainable, info: DataInfo, metric: str, message: str
) -> None:
    complaint = shipped.complaint(info, metric)
    assert complaint is not None
    assert message in complaint


def test_tables_are_read_without_torch_and_numpy() -> None:
    code = "import sys, trainables.registry; print(sorted({'torch', 'numpy', 'timm'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
