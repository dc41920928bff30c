"""The shipped trainable for tables, which predicts classes or values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hpo.core.recipe import Recipe
from hpo.core.trainable import Arrays, Context, DataInfo, Examples
from trainables import (
    epoch_sampling,
    isolation,
    registry,
    scores,
    state_arrays,
    table_preprocessing,
    training_loop,
)
from trainables.batches import Batches
from trainables.inference_pace import InferencePace
from trainables.networks import build
from trainables.networks.table_network import TableNetwork
from trainables.optimization import losses, weight_averages
from trainables.parts.loss import REGRESSION_LOSS
from trainables.parts.table_model import TABLE_MODEL
from trainables.table_preprocessing import TableEncoder
from trainables.training_loop import Batch, Task

EVALUATED_ROWS = 65536
"""Rows in a batch that is only evaluated."""


class Tabular:
    """Trains networks on tables; see `hpo.core.trainable.Trainable`.

    The data set's task decides: classes are scored by accuracy, error, cross-entropy and macro F1,
    values by mean squared error, mean absolute error and r2, in their own unit. For values,
    ``validation/loss`` is what the recipe minimizes, on standardized targets like ``train/loss``;
    it cannot be an objective, because recipes with different losses cannot be compared by it.
    """

    grammar = registry.TABULAR.grammar
    metrics = registry.TABULAR.metrics

    def train(self, recipe: Recipe, train: Examples, validation: Examples, context: Context) -> None:
        """Train epoch by epoch and report after each.

        Raises:
            UserError: If the recipe cannot be trained on such rows or on this machine.
        """
        training_loop.run(
            recipe, context, lambda device: self.open_task(recipe, train, validation, context.seed, device)
        )

    def open_task(
        self, recipe: Recipe, train: Examples, validation: Examples, seed: int, device: torch.device
    ) -> Task:
        """Encode rows and build the network; see `trainables.training_loop.OpensTask`."""
        return _TableTask(recipe, train, validation, seed, device)

    def load(self, recipe: Recipe, weights: Arrays, info: DataInfo) -> TableModel:
        """Build the model of a training from its weights, on the CPU."""
        columns = table_preprocessing.load(state_arrays.below(weights, "columns"))
        with isolation.seeded(0, "network", device=torch.device("cpu")):
            network = _network(recipe, columns, info)
        state_arrays.load_network(network, state_arrays.below(weights, "network"))
        return TableModel(network, columns, info)

    def score(self, outputs: Any, targets: Any) -> Mapping[str, float]:
        """Score logits [n, classes] on labels [n], or values [n] on values [n]."""
        return _scores(outputs, targets)

    def average(self, recipe: Recipe, mean: Arrays, train: Examples, context: Context) -> Arrays:
        """Return averaged weights whose batch norms have seen the training rows with them."""
        model = self.load(recipe, mean, train.info)
        inputs = model.columns.rows(train)
        weight_averages.update_normalization(model.network, lambda: _shuffled(inputs), context.seed)
        return model.weights()

    def combine(self, outputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Return the log of the mean of several models' probabilities, or the mean of their values."""
        return scores.combined(outputs)

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[Any] | None:
        """Return the softmax of logits [n, classes]; None for values [n]."""
        return scores.probabilities(outputs) if outputs.ndim == 2 else None


class _TableTask:
    """Rows of a table to train on; see `trainables.training_loop.Task`."""

    def __init__(
        self, recipe: Recipe, train: Examples, validation: Examples, seed: int, device: torch.device
    ):
        # Statistics come from the training rows alone.
        columns = table_preprocessing.fit(train)
        self._device = device
        self._inputs, self._targets = columns.rows(train).to(device), columns.targets(train).to(device)
        self._truth = train.targets[train.rows]

        with isolation.seeded(seed, "network", device=device):
            network = _network(recipe, columns, train.info).to(device)
        if "embedding_std" in recipe["model"]:
            network.zero_unseen(self._inputs)
        self.network: nn.Module = network
        self.lr_multipliers: Mapping[str, float] = {}
        self.loss = _loss(recipe, train.info, self._truth)
        labels, count = epoch_sampling.labels(recipe, train), recipe.get("epoch_examples")
        self.batches = Batches(len(train), recipe["batch_size"], labels=labels, per_epoch=count)
        self.example = self._inputs[:1]

        self._model = TableModel(network, columns, train.info)
        self._validation = columns.rows(validation).to(device)
        self._validation_targets = columns.targets(validation)
        self._validation_truth = validation.targets[validation.rows]
        self.pace = InferencePace()

    def epoch(self, indices: Iterable[Tensor], generator: torch.Generator) -> Iterator[Batch]:
        """Yield batches of rows; their truth is looked up by index."""
        for batch in indices:
            index = batch.to(self._device)
            yield Batch(self._inputs.index_select(0, index), self._targets.index_select(0, index), index)

    def inputs(self) -> Iterable[Tensor]:
        """Yield all training rows, in random order."""
        return _shuffled(self._inputs)

    def outcomes(self, outputs: Tensor) -> Tensor:
        """Return the outputs themselves."""
        return outputs

    def train_scores(self, outcomes: NDArray[Any], truth: NDArray[Any]) -> Mapping[str, float]:
        """Score outputs on the rows with these indices."""
        return _scores(self._model.answers(outcomes), self._truth[truth])

    def validation_scores(self, network: nn.Module) -> Mapping[str, float]:
        """Score a network on the validation part; for values, with the loss that is minimized."""
        with self.pace.timed(len(self._validation_truth)):
            outputs = self.model(network).raw(self._validation)
        scores = dict(_scores(self._model.answers(outputs.numpy()), self._validation_truth))
        if "loss" not in scores:
            scores["loss"] = float(self.loss(outputs, self._validation_targets))
        return scores

    def model(self, network: nn.Module) -> TableModel:
        """Return the model that a network makes."""
        return self._model.of(network)


class TableModel:
    """A network with what was learned about the columns from the training rows.

    Args:
        network: On the device.
        columns: Learned from the training part.
        info: Describes the data set.
    """

    def __init__(self, network: nn.Module, columns: TableEncoder, info: DataInfo):
        self.network, self.columns, self.info = network, columns, info

    def weights(self) -> dict[str, NDArray[Any]]:
        """Return arrays from which `Tabular.load` builds it again."""
        network = state_arrays.under("network", state_arrays.network_arrays(self.network))
        return network | state_arrays.under("columns", self.columns.arrays())

    def of(self, network: nn.Module) -> TableModel:
        """Return the same model with another network of the same build."""
        return TableModel(network, self.columns, self.info)

    def predict(self, examples: Examples) -> NDArray[np.float32]:
        """Return logits [n, classes], or values [n] in the targets' own unit."""
        device = next(self.network.parameters()).device
        return self.outputs(self.columns.rows(examples).to(device))

    def outputs(self, inputs: Tensor) -> NDArray[np.float32]:
        """Return the same for prepared rows."""
        return self.answers(self.raw(inputs).numpy())

    def raw(self, inputs: Tensor) -> Tensor:
        """Return the network's own outputs for prepared rows, [n, outputs] on the CPU."""
        self.network.eval()
        with torch.inference_mode():
            return torch.cat([self.network(chunk) for chunk in _chunks(inputs)]).cpu()

    def answers(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn a network's outputs into answers: logits stay, values get the targets' own unit."""
        if self.info.task == "classification":
            return outputs
        mean, spread = self.columns.target
        answers: NDArray[np.float32] = outputs[:, 0] * spread + mean
        return answers


def _chunks(inputs: Tensor) -> tuple[Tensor, ...]:
    return inputs.split(EVALUATED_ROWS)  # type: ignore[no-untyped-call, no-any-return]


def _shuffled(inputs: Tensor) -> Iterator[Tensor]:
    """Yield chunks of rows in the order that torch's random state gives."""
    for index in _chunks(torch.randperm(len(inputs)).to(inputs.device)):
        yield inputs.index_select(0, index)


def _scores(outputs: NDArray[Any], targets: NDArray[Any]) -> Mapping[str, float]:
    return (scores.classification if outputs.ndim == 2 else scores.regression)(outputs, targets)


def _network(recipe: Recipe, columns: TableEncoder, info: DataInfo) -> TableNetwork:
    network = build.network(recipe, columns.shape(info), len(info.classes) or 1, TABLE_MODEL)
    assert isinstance(network, TableNetwork)
    return network


def _loss(recipe: Recipe, info: DataInfo, targets: NDArray[Any]) -> losses.Loss:
    if info.task == "classification":
        counts = np.bincount(targets, minlength=len(info.classes)).tolist()
        return losses.build(recipe["loss"], len(info.classes), counts)
    options = dict(recipe["regression_loss"])
    loss: losses.Loss = REGRESSION_LOSS.part(options.pop("name")).load()(**options)
    return loss
