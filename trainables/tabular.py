"""The shipped trainable for tables, classes or values: one loop that reads from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hpo.core.recipe import Recipe
from hpo.core.trainable import Arrays, Context, DataInfo, Examples
from trainables import batch_of_one, isolation, registry, scores, state, table_inputs, trainer
from trainables.batches import Batches
from trainables.networks import build
from trainables.optimization import losses, weight_averages
from trainables.parts.loss import REGRESSION_LOSS
from trainables.parts.table_model import TABLE_MODEL
from trainables.table_inputs import TableEncoder

EVALUATED_ROWS = 65536
"""Rows in a batch that is only evaluated."""


class Tabular:
    """Trains networks on tables; see `hpo.core.trainable.Trainable`.

    The data set's task decides: classes are scored by accuracy, error, cross-entropy and macro F1,
    values by mean squared error, mean absolute error and r2, in their own unit. Of values,
    ``validation/loss`` is what the recipe minimizes, on standardized targets like ``train/loss``;
    it is no metric to search by, as recipes with different losses cannot be compared by it.
    """

    grammar = registry.TABULAR.grammar
    metrics = registry.TABULAR.metrics

    def train(self, recipe: Recipe, train: Examples, validation: Examples, context: Context) -> None:
        """Train epoch by epoch, reporting after each.

        Raises:
            UserError: If the recipe cannot be trained on this machine.
        """
        device, info = isolation.device(context.device), train.info
        with isolation.alone(context.threads, device):
            # Statistics come from the training rows alone.
            columns = table_inputs.fit(train)
            inputs, targets = columns.rows(train).to(device), columns.targets(train).to(device)
            batches = Batches(len(train), recipe["batch_size"])

            with isolation.seeded(context.seed, "network", device=device):
                network = _network(recipe, columns, info).to(device)
            loss = _loss(recipe, info)
            descent = trainer.Trainer(recipe, network, loss, len(batches), context.horizon)
            batch_of_one.check(recipe, descent, inputs[:1])
            model = TableModel(network, columns, info)
            held_out, truth = columns.rows(validation).to(device), validation.targets[validation.rows]
            aimed_at = columns.targets(validation)
            restored = context.restored()
            if restored is not None:
                descent.restore(restored)

            for epoch in context.epochs():
                if descent.stopped:
                    best = descent.stand_still()
                    context.report(best.metrics, model.of(best.network), descent.arrays)
                    continue

                tally = trainer.EpochMetrics(device)
                descent.begin()
                with isolation.seeded(context.seed, "epoch", epoch, device=device) as generator:
                    first = (epoch - 1) * len(batches)
                    for step, index in enumerate(batches.shuffled(generator), first):
                        chosen = index.to(device)
                        some, wanted = inputs.index_select(0, chosen), targets.index_select(0, chosen)
                        batch_loss, given = descent.step(some, wanted, step)
                        tally.add(batch_loss, given, chosen)
                    judged = descent.judged(epoch, lambda: inputs.split(EVALUATED_ROWS))  # type: ignore[no-untyped-call]
                metrics = descent.metrics | tally.metrics()

                seen, places = tally.outcomes()
                trained_scores = self.score(model.answers(seen), train.targets[train.rows][places])
                metrics |= scores.named("train", trained_scores) | {"train/loss": metrics["train/loss"]}
                outputs = model.of(judged).raw(held_out)
                judged_scores = dict(self.score(model.answers(outputs.numpy()), truth))
                judged_scores.setdefault("loss", float(loss(outputs, aimed_at)))
                metrics |= scores.named("validation", judged_scores)
                shown, metrics = descent.keep(judged, metrics, judged_scores["loss"])
                context.report(metrics, model.of(shown), descent.arrays)

    def load(self, recipe: Recipe, weights: Arrays, info: DataInfo) -> TableModel:
        """Build the model a training had, from its weights, on the CPU."""
        columns = table_inputs.load(state.below(weights, "columns"))
        with isolation.seeded(0, "network", device=torch.device("cpu")):
            network = _network(recipe, columns, info)
        state.load_network(network, state.below(weights, "network"))
        return TableModel(network, columns, info)

    def score(self, outputs: Any, targets: Any) -> Mapping[str, float]:
        """Scores of logits [n, classes] on labels [n], or of values [n] on values [n]."""
        if outputs.ndim == 2:
            return scores.classification(outputs, targets)
        return scores.regression(outputs, targets)

    def average(self, recipe: Recipe, mean: Arrays, train: Examples, context: Context) -> Arrays:
        """Weights averaged along a training, with norms that have seen the training rows with them."""
        model = self.load(recipe, mean, train.info)
        inputs = model.columns.rows(train)
        batches = inputs.split(EVALUATED_ROWS)  # type: ignore[no-untyped-call]
        weight_averages.update_normalization(model.network, lambda: batches, context.seed)
        return model.weights()

    def combine(self, outputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The log of the mean of several models' probabilities, or the mean of their values."""
        return scores.combined(outputs)

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[Any] | None:
        """Softmax of logits [n, classes]; None of values [n]."""
        return scores.probabilities(outputs) if outputs.ndim == 2 else None


class TableModel:
    """A network with what the training rows taught about the columns.

    Args:
        network: On the device.
        columns: Learned from the training part.
        info: What the data set is.
    """

    def __init__(self, network: nn.Module, columns: TableEncoder, info: DataInfo):
        self.network, self.columns, self.info = network, columns, info

    def weights(self) -> dict[str, Any]:
        """Arrays from which `Tabular.load` builds it again."""
        network = state.under("network", state.network_arrays(self.network))
        return network | state.under("columns", self.columns.arrays())

    def of(self, network: nn.Module) -> TableModel:
        """The same with another network of the same build."""
        return TableModel(network, self.columns, self.info)

    def predict(self, examples: Examples) -> NDArray[np.float32]:
        """Logits [n, classes], or values [n] in the targets' own unit."""
        device = next(self.network.parameters()).device
        return self.outputs(self.columns.rows(examples).to(device))

    def outputs(self, inputs: Tensor) -> NDArray[np.float32]:
        """The same of prepared rows."""
        return self.answers(self.raw(inputs).numpy())

    def raw(self, inputs: Tensor) -> Tensor:
        """What the network itself gives for prepared rows, [n, outputs] on the CPU."""
        self.network.eval()
        with torch.inference_mode():
            chunks = inputs.split(EVALUATED_ROWS)  # type: ignore[no-untyped-call]
            return torch.cat([self.network(chunk) for chunk in chunks]).cpu()

    def answers(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """What a network's outputs mean: logits as they are, values in the targets' own unit."""
        if self.info.task == "classification":
            return outputs
        mean, spread = self.columns.target
        answers: NDArray[np.float32] = outputs[:, 0] * spread + mean
        return answers


def _network(recipe: Recipe, columns: TableEncoder, info: DataInfo) -> nn.Module:
    return build.network(recipe, columns.shape(info), len(info.classes) or 1, TABLE_MODEL)


def _loss(recipe: Recipe, info: DataInfo) -> losses.Loss:
    if info.task == "classification":
        return losses.build(recipe["loss"], len(info.classes))
    own = dict(recipe["regression_loss"])
    loss: losses.Loss = REGRESSION_LOSS.part(own.pop("name")).load()(**own)
    return loss
