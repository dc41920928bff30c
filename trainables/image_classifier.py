"""The shipped trainable for images: one loop that reads from top to bottom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hpo.core.errors import UserError
from hpo.core.recipe import Recipe
from hpo.core.trainable import Arrays, Context, DataInfo, Examples
from trainables import augmentation, batch_of_one, isolation, preprocessing, registry, scores, trainer
from trainables.augmentation.augmenter import Augmenter
from trainables.batches import Batches, merge_batches
from trainables.classifier import Classifier, at_size, image_shape
from trainables.images import Images
from trainables.networks import build, transfer
from trainables.optimization import losses, weight_averages

Fed = tuple[Tensor, Tensor, Tensor]
"""A batch: inputs as the network takes them, targets as the loss does, and labels."""


class ImageClassifier:
    """Trains networks that classify images; see `hpo.core.trainable.Trainable`."""

    grammar = registry.IMAGE_CLASSIFIER.grammar
    metrics = registry.IMAGE_CLASSIFIER.metrics

    def train(self, recipe: Recipe, train: Examples, validation: Examples, context: Context) -> None:
        """Train epoch by epoch, reporting after each.

        Raises:
            UserError: If the recipe cannot be trained on such images or on this machine.
        """
        device, classes = isolation.device(context.device), len(train.info.classes)
        shape, size = image_shape(train.info, recipe["image_size"]), recipe["image_size"]
        _check_sizes(recipe, train.info)
        with isolation.alone(context.threads, device):
            # Statistics come from the training rows alone.
            fitted = preprocessing.fit(recipe["preprocessing"], train.inputs, train.rows).to(device)
            prepare = at_size(fitted, size)
            augment = augmentation.build(recipe["augment"], shape, classes)
            images = Images(train, device, prepare, hold=augment is None, size=size)
            batches = Batches(len(images), recipe["batch_size"], augmentation.repeats(recipe["augment"]))

            network = _network(recipe, shape, classes, context.seed, device)
            rates = transfer.start(recipe["transfer"], network)
            loss = losses.build(recipe["loss"], classes)
            descent = trainer.Trainer(recipe, network, loss, len(batches), context.horizon, rates)
            batch_of_one.check(recipe, descent, torch.zeros(1, *shape, device=device))
            model = Classifier(network, fitted, recipe, train.info)
            held_out, truth = model.images(validation), validation.targets[validation.rows]
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
                    if augment is None:
                        fed = _as_they_are(batches.shuffled(generator), images)
                    else:
                        fed = _augmented(batches.shuffled(generator), images, augment, generator)
                    for step, (inputs, targets, labels) in enumerate(fed, first):
                        batch_loss, outputs = descent.step(inputs, targets, step)
                        tally.add(batch_loss, outputs.argmax(1), labels)
                    judged = descent.judged(epoch, lambda: map(images.prepared, images.stretches()))
                metrics = descent.metrics | tally.metrics()

                metrics |= scores.named("train", scores.labelling(*tally.outcomes(), classes))
                judged_scores = scores.classification(model.of(judged).outputs(held_out), truth)
                metrics |= scores.named("validation", judged_scores)
                shown, metrics = descent.keep(judged, metrics, judged_scores["loss"])
                context.report(metrics, model.of(shown), descent.arrays)

    def load(self, recipe: Recipe, weights: Arrays, info: DataInfo) -> Classifier:
        """Build the model a training had, from its weights, on the CPU."""
        return Classifier.load(recipe, weights, info)

    def score(self, outputs: Any, targets: Any) -> Mapping[str, float]:
        """Accuracy, error, cross-entropy and macro F1 of logits [n, classes] on labels [n]."""
        return scores.classification(outputs, targets)

    def average(self, recipe: Recipe, mean: Arrays, train: Examples, context: Context) -> Arrays:
        """Weights averaged along a training, with norms that have seen the training rows with them."""
        model = self.load(recipe, mean, train.info)
        images = model.images(train, hold=False)
        weight_averages.update_normalization(
            model.network, lambda: map(images.prepared, images.stretches()), context.seed
        )
        return model.weights()

    def combine(self, outputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The log of the mean of several models' probabilities."""
        return scores.combined(outputs)

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Softmax of logits [n, classes]."""
        return scores.probabilities(outputs)


def _as_they_are(batches: Iterable[Tensor], images: Images) -> Iterator[Fed]:
    for index in batches:
        places = index.to(images.home)
        labels = images.labels.index_select(0, places.to(images.device))
        yield images.prepared(places), labels, labels


def _augmented(
    batches: Iterable[Tensor], images: Images, augment: Augmenter, generator: torch.Generator
) -> Iterator[Fed]:
    for several in merge_batches(batches, images.augmented):
        places, sizes = torch.cat(several).to(images.home), [len(index) for index in several]
        labels = images.labels.index_select(0, places.to(images.device))
        changed = augment.several(images.raw(places), labels, sizes, generator)
        for (batch, targets), own in zip(changed, torch.split(labels, sizes), strict=True):
            yield images.prepare(batch), targets, own


def _check_sizes(recipe: Recipe, info: DataInfo) -> None:
    trained, tested = (image_shape(info, recipe[name]) for name in ("image_size", "test_size"))
    if recipe["model"]["name"] in ("mlp", "vit") and recipe["test_size"] is not None and trained != tested:
        raise UserError(
            f"test_size: {recipe['model']['name']} takes images of one size, {trained[1]} x {trained[2]}; "
            f"leave test_size at null"
        )


def _network(
    recipe: Recipe, shape: tuple[int, int, int], classes: int, seed: int, device: torch.device
) -> nn.Module:
    with isolation.seeded(seed, "network", device=device):
        network = build.network(recipe, shape, classes)
    layout = torch.channels_last if device.type == "cuda" else torch.preserve_format
    return network.to(device, memory_format=layout)  # type: ignore[call-overload, no-any-return]
