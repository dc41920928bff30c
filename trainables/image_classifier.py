"""The shipped trainable for images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hpo.core.errors import UserError
from hpo.core.recipe import Recipe
from hpo.core.trainable import Arrays, Context, DataInfo, Examples
from trainables import augmentation, epoch_sampling, isolation, preprocessing, registry, scores, training_loop
from trainables.batches import Batches, merge_batches
from trainables.classifier import Classifier, at_size, image_shape
from trainables.images import Images
from trainables.inference_pace import InferencePace
from trainables.networks import build, transfer
from trainables.optimization import losses, weight_averages
from trainables.training_loop import Batch, Task


class ImageClassifier:
    """Trains networks that classify images; see `hpo.core.trainable.Trainable`."""

    grammar = registry.IMAGE_CLASSIFIER.grammar
    metrics = registry.IMAGE_CLASSIFIER.metrics

    def train(self, recipe: Recipe, train: Examples, validation: Examples, context: Context) -> None:
        """Train epoch by epoch and report after each.

        Raises:
            UserError: If the recipe cannot be trained on such images or on this machine.
        """
        _check_sizes(recipe, train.info)
        training_loop.run(
            recipe, context, lambda device: self.open_task(recipe, train, validation, context.seed, device)
        )

    def open_task(
        self, recipe: Recipe, train: Examples, validation: Examples, seed: int, device: torch.device
    ) -> Task:
        """Prepare images and build the network; see `trainables.training_loop.OpensTask`."""
        return _ImageTask(recipe, train, validation, seed, device)

    def load(self, recipe: Recipe, weights: Arrays, info: DataInfo) -> Classifier:
        """Build the model of a training from its weights, on the CPU."""
        return Classifier.load(recipe, weights, info)

    def score(self, outputs: Any, targets: Any) -> Mapping[str, float]:
        """Score logits [n, classes] on labels [n]: accuracy, error, cross-entropy, macro averages."""
        return scores.classification(outputs, targets)

    def average(self, recipe: Recipe, mean: Arrays, train: Examples, context: Context) -> Arrays:
        """Return averaged weights whose batch norms have seen the training rows with them."""
        model = self.load(recipe, mean, train.info)
        transfer.freeze(recipe["transfer"], model.network)
        images = model.images(train, hold=False)
        weight_averages.update_normalization(model.network, images.shuffled, context.seed)
        return model.weights()

    def combine(self, outputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Return the log of the mean of several models' probabilities."""
        return scores.combined(outputs)

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return the softmax of logits [n, classes]."""
        return scores.probabilities(outputs)


def misfit(recipe: Recipe, info: DataInfo) -> str | None:
    """Return why a training would be refused at its start; None if nothing is known.

    Args:
        recipe: In normal form; its network is built if it starts from other weights.
        info: The images.
    """
    given, start = recipe["preprocessing"], recipe["transfer"]
    try:
        if given["name"] == "given_mean_std":
            preprocessing.check_given(given["mean"], given["std"], info.shape[2])
        if start["name"] != "none":
            shape = image_shape(info, recipe["image_size"])
            transfer.start(start, _network(recipe, shape, len(info.classes), 0, torch.device("cpu")))
    except UserError as error:
        return str(error)
    return None


class _ImageTask:
    """Images to train on; see `trainables.training_loop.Task`."""

    def __init__(
        self, recipe: Recipe, train: Examples, validation: Examples, seed: int, device: torch.device
    ):
        self._classes = classes = len(train.info.classes)
        size, shape = recipe["image_size"], image_shape(train.info, recipe["image_size"])
        # Statistics come from the training rows alone.
        fitted = preprocessing.fit(recipe["preprocessing"], train.inputs, train.rows).to(device)
        self._augment = augmentation.build(
            recipe["augment"],
            shape,
            classes,
            image_shape(train.info),
            lambda: preprocessing.principal_colours(train.inputs, train.rows),
            train.originals is not None,
        )
        self._images = Images(
            train,
            device,
            at_size(fitted, size),
            hold=self._augment is None,
            size=size,
            original=recipe["augment"].get("original_pixels", False),
            bicubic=augmentation.is_bicubic(recipe["augment"]),
        )

        self.network = _network(recipe, shape, classes, seed, device)
        self.lr_multipliers: Mapping[str, float] = transfer.start(recipe["transfer"], self.network)
        counts = torch.bincount(self._images.labels, minlength=classes).tolist()
        self.loss = losses.build(recipe["loss"], classes, counts)
        repeats = augmentation.repeats(recipe["augment"])
        labels = epoch_sampling.labels(recipe, train)
        count = recipe.get("epoch_examples")
        self.batches = Batches(len(self._images), recipe["batch_size"], repeats, labels, count)
        self.example = torch.zeros(1, *shape, device=device)

        self._model = Classifier(self.network, fitted, recipe, train.info)
        self._validation = self._model.images(validation)
        self._labels = validation.targets[validation.rows]
        self.pace = InferencePace()

    def epoch(self, indices: Iterable[Tensor], generator: torch.Generator) -> Iterator[Batch]:
        """Yield batches; small ones are augmented together."""
        images = self._images
        if self._augment is None:
            for batch in indices:
                index = batch.to(images.index_device)
                labels = images.labels.index_select(0, index.to(images.device))
                yield Batch(images.prepared(index), labels, labels)
            return
        groups = merge_batches(indices, images.augmented)
        for group, pixels, cropped in images.begun(groups, self._augment.crop, generator):
            index, sizes = torch.cat(group).to(images.index_device), [len(batch) for batch in group]
            labels = images.labels.index_select(0, index.to(images.device))
            augmented = self._augment.several(pixels(), labels, sizes, generator, cropped)
            for (inputs, targets), truth in zip(augmented, torch.split(labels, sizes), strict=True):
                yield Batch(images.prepare(inputs), targets, truth)

    def inputs(self) -> Iterable[Tensor]:
        """Yield all training images as the network takes them, in random order."""
        return self._images.shuffled()

    def outcomes(self, outputs: Tensor) -> Tensor:
        """Return predicted labels."""
        return outputs.argmax(1)

    def train_scores(self, outcomes: NDArray[Any], truth: NDArray[Any]) -> Mapping[str, float]:
        """Score predicted labels."""
        return scores.labelling(outcomes, truth, self._classes)

    def validation_scores(self, network: nn.Module) -> Mapping[str, float]:
        """Score a network on the validation part."""
        with self.pace.timed(len(self._labels)):
            outputs = self.model(network).outputs(self._validation)
        return scores.classification(outputs, self._labels)

    def model(self, network: nn.Module) -> Classifier:
        """Return the classifier that a network makes."""
        return self._model.of(network)


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
