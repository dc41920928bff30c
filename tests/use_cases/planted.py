"""Sound trainings on small data, and faults planted into what their training loop receives."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
import torch
from sklearn import datasets
from torch import nn

from hpo.core.recipe import Recipe
from hpo.core.space import Space
from hpo.core.trainable import DataInfo, Examples
from hpo.use_cases.health.subject import Subject
from trainables.health.layers import ACTIVATIONS, LAYERS
from trainables.image_classifier import ImageClassifier
from trainables.tabular import Tabular
from trainables.training_loop import Batch


class Changed:
    """A task whose network, loss or batches are not those of the recipe."""

    def __init__(self, task, **changes):
        self._task, self._changes = task, changes

    def __getattr__(self, name):
        return self._changes[name] if name in self._changes else getattr(self._task, name)


def wrong_init(task):
    for module in task.network.modules():
        if isinstance(module, LAYERS):
            nn.init.normal_(module.weight)
    return task


def frozen_layer(task):
    next(m for m in task.network.modules() if isinstance(m, LAYERS)).requires_grad_(False)
    return task


def softmax_twice(task):
    return Changed(task, network=nn.Sequential(task.network, nn.Softmax(-1)))


def labels_off_by_one(task):
    def epoch(indices, generator):
        for batch in task.epoch(indices, generator):
            classes = int(task.network(batch.inputs).shape[-1])
            yield Batch(batch.inputs, (batch.targets + 1) % classes, batch.truth)

    return Changed(task, epoch=epoch)


def sign_of_the_gradient(task):
    for parameter in task.network.parameters():
        parameter.register_hook(torch.neg)
    return task


def dead_units(task):
    before = None
    for module in task.network.modules():
        if isinstance(module, ACTIVATIONS):
            break
        if getattr(module, "bias", None) is not None:
            before = module
    with torch.no_grad():
        before.bias[: int(0.8 * len(before.bias))] = -1e3
    return task


def exploding_scale(task):
    with torch.no_grad():
        for module in task.network.modules():
            if isinstance(module, LAYERS):
                module.weight.mul_(30)
    return task


def shuffled_pairs(task):
    def epoch(indices, generator):
        for batch in task.epoch(indices, generator):
            order = torch.randperm(len(batch.inputs), generator=generator)
            yield Batch(batch.inputs[order], batch.targets, batch.truth)

    return Changed(task, epoch=epoch)


def averaged_twice(task):
    return Changed(task, loss=lambda outputs, targets: task.loss(outputs, targets) / len(targets))


def leaky_preprocessing(train):
    """Write the label into the inputs, as a feature that was computed from it before the split."""
    inputs = np.array(train.inputs)
    if inputs.ndim == 4:
        inputs[:, :2, :2, 0] = (20 * train.targets)[:, None, None]
    else:
        inputs[:, 0] = train.targets * 3
    return inputs


def preprocessing_of_all_rows(train):
    """Scale by the spread of all rows, validation included."""
    inputs = train.inputs.astype(np.float32)
    return (inputs / (inputs.std(0, keepdims=True) + 1e-3)).astype(train.inputs.dtype)


TASK_FAULTS = {
    wrong_init: ("loss at start", "layers"),
    frozen_layer: ("trained layers",),
    softmax_twice: ("outputs",),
    labels_off_by_one: ("tiny subset",),
    sign_of_the_gradient: ("gradients", "direction"),
    dead_units: ("layers",),
    exploding_scale: ("layers", "loss at start"),
    shuffled_pairs: ("true labels", "tiny subset"),
    averaged_twice: ("loss at start",),
}
"""Each fault with the checks by which it is named."""

DATA_FAULTS = {leaky_preprocessing: ("shuffled labels",), preprocessing_of_all_rows: ("validation rows",)}


def faulty(kind, *, task=lambda task: task, data=None):
    """Return a shipped trainable whose training loop receives a fault."""

    class Faulty(kind):
        def open_task(self, recipe, train, validation, seed, device):
            if data is not None:
                inputs = data(train)
                train = dataclasses.replace(train, inputs=inputs)
                validation = dataclasses.replace(validation, inputs=inputs)
            return task(super().open_task(recipe, train, validation, seed, device))

        if data is not None:

            def load(self, *arguments):
                raise AssertionError("models are only used in this process")

    return Faulty()


@functools.cache
def digits():
    loaded = datasets.load_digits()
    inputs = (loaded.images[..., None] * 15).astype(np.uint8)
    info = DataInfo("image", "classification", (8, 8, 1), tuple(map(str, range(10))))
    return _parts(inputs, loaded.target.astype(np.int64), info)


@functools.cache
def table(name):
    loaded = getattr(datasets, f"load_{name}")()
    columns = tuple(f"c{n}" for n in range(loaded.data.shape[1]))
    classes = tuple(map(str, getattr(loaded, "target_names", ()))) if name != "diabetes" else ()
    task = "classification" if classes else "regression"
    targets = loaded.target.astype(np.int64 if classes else np.float32)
    info = DataInfo("table", task, (len(columns),), classes, columns)
    return _parts(loaded.data.astype(np.float32), targets, info)


def _parts(inputs, targets, info):
    order = np.random.default_rng(0).permutation(len(targets))
    cut = int(0.7 * len(order))
    whole = Examples(inputs, targets, order, info)
    return (
        dataclasses.replace(whole, rows=np.sort(order[:cut])),
        dataclasses.replace(whole, rows=np.sort(order[cut:])),
    )


def subject(data, trainable=None, **choices):
    """Return a recipe on data, as the preflight examines it."""
    train, validation = digits() if data == "digits" else table(data)
    trainable = trainable or (ImageClassifier() if data == "digits" else Tabular())
    recipe = Recipe(trainable.grammar.resolve(choices))
    return Subject(
        trainable, recipe, train, validation, 0, "cpu", 1, Space(()), {}, lambda point: recipe.to_dict(), "d"
    )


MODELS = (
    ("digits", {"model": {"name": "mlp"}}),
    ("digits", {"model": {"name": "cnn", "channels": 8}}),
    ("wine", {"model": {"name": "mlp"}}),
)

SCRATCH = Path("unused")
