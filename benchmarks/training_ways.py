"""The ways of training that `benchmarks/training.py` compares; each returns the seconds of every epoch."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

MODELS: Mapping[str, dict[str, Any]] = {
    "mlp 64": {"name": "mlp", "depth": 1, "width": 64},
    "cnn 8-16": {"name": "cnn", "channels": 8, "stages": 2},
    "resnet-20": {"name": "resnet"},
}
AUGMENT = {
    "random_crop": {"padding": 4},
    "horizontal_flip": {"p": 0.5},
    "rand_augment": {"operations": 2, "magnitude": 9.0},
    "mixup": {"alpha": 0.2},
}
LEARNING_RATE = 0.05


def recipe(args: argparse.Namespace, augmented: bool) -> Any:
    from hpo.core.recipe import Recipe
    from trainables.registry import IMAGE_CLASSIFIER

    choices = {
        "model": MODELS[args.model],
        "batch_size": args.batch,
        "precision": args.precision,
        "optimizer": {"name": "momentum", "momentum": 0.9},
        "learning_rate": LEARNING_RATE,
        "schedule": "constant",
        "augment": AUGMENT if augmented else {},
    }
    return Recipe(IMAGE_CLASSIFIER.grammar.resolve(choices))


def examples(root: str, count: int) -> tuple[Any, Any]:
    """Return a training part of ``count`` images and a small validation part."""
    import numpy as np

    from hpo.core.trainable import DataInfo, Examples

    source = fashion(root)
    info = DataInfo("image", "classification", (28, 28, 1), tuple(source.classes))
    inputs, targets = source.data.numpy()[..., None], source.targets.numpy()
    order = np.random.default_rng(0).permutation(len(inputs))
    return tuple(
        Examples(inputs, targets, rows, info) for rows in (order[:count], order[count : count + 100])
    )


def fashion(root: str, transform: Any = None) -> Any:
    from trainables import torchvision_ops  # noqa: F401

    from torchvision.datasets import FashionMNIST  # isort: skip

    return FashionMNIST(root, train=True, download=False, transform=transform)


class Timed:
    """A training context that only times the epochs; the first one is a warm-up."""

    seed, threads = 0, 1

    def __init__(self, epochs: int, clock: Callable[[], float], device: str):
        self.horizon, self.clock, self.device = epochs, clock, device
        self.seconds: list[float] = []

    def epochs(self) -> Iterator[int]:
        for epoch in range(1, self.horizon + 1):
            self.began = self.clock()
            yield epoch

    def restored(self) -> None:
        return None

    def report(self, metrics: Mapping[str, float], model: Any, state: Any = None) -> None:
        self.seconds.append(self.clock() - self.began)


def shipped(args: argparse.Namespace, clock: Callable[[], float]) -> list[float]:
    from trainables.image_classifier import ImageClassifier

    context = Timed(args.epochs + 1, clock, args.device)
    train, validation = examples(args.data, args.images)
    ImageClassifier().train(recipe(args, args.way == "augmented"), train, validation, context)
    return context.seconds


def network_and_optimizer(args: argparse.Namespace, info: Any) -> tuple[Any, Any]:
    import torch

    from trainables.classifier import image_shape
    from trainables.networks import build

    torch.manual_seed(0)
    network = build.network(recipe(args, False), image_shape(info), len(info.classes))
    network = network.to(args.device, memory_format=layout(args))
    return network, torch.optim.SGD(network.parameters(), LEARNING_RATE, momentum=0.9, fused=True)


def layout(args: argparse.Namespace) -> Any:
    import torch

    return torch.channels_last if args.device == "cuda" else torch.preserve_format


def autocast(args: argparse.Namespace) -> AbstractContextManager[Any]:
    import torch

    return torch.autocast(args.device, torch.bfloat16, enabled=args.precision == "bfloat16")


def wait(args: argparse.Namespace) -> None:
    """Wait until the GPU has finished."""
    import torch

    if args.device == "cuda":
        torch.cuda.synchronize()


def bare(args: argparse.Namespace, clock: Callable[[], float]) -> list[float]:
    import torch
    from torch.nn.functional import cross_entropy

    train, _ = examples(args.data, args.images)
    images = torch.from_numpy(train.inputs[train.rows]).permute(0, 3, 1, 2).float() / 255
    images = ((images - images.mean()) / images.std()).to(args.device, memory_format=layout(args))
    labels = torch.from_numpy(train.targets[train.rows]).to(args.device)
    network, optimizer = network_and_optimizer(args, train.info)
    seconds = []
    for _ in range(args.epochs + 1):
        began = clock()
        for rows in torch.randperm(len(images), device=args.device).split(args.batch):
            optimizer.zero_grad()
            with autocast(args):
                loss = cross_entropy(network(images[rows]), labels[rows])
            loss.backward()
            optimizer.step()
        wait(args)
        seconds.append(clock() - began)
    return seconds


def per_image(args: argparse.Namespace, clock: Callable[[], float]) -> list[float]:
    import torch
    from torch.nn.functional import cross_entropy
    from torch.utils.data import DataLoader, Subset, default_collate

    from trainables import torchvision_ops  # noqa: F401

    from torchvision.transforms import v2  # isort: skip

    train, _ = examples(args.data, args.images)
    each = v2.Compose(
        [
            v2.RandomCrop(28, padding=4),
            v2.RandomHorizontalFlip(),
            v2.RandAugment(num_ops=2, magnitude=27, interpolation=v2.InterpolationMode.BILINEAR),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.286], [0.353]),
        ]
    )
    mixup = v2.MixUp(alpha=0.2, num_classes=10)
    loader = DataLoader(
        Subset(fashion(args.data, each), train.rows.tolist()),
        args.batch,
        shuffle=True,
        collate_fn=lambda batch: mixup(*default_collate(batch)),
        num_workers=args.loaders,
        persistent_workers=args.loaders > 0,
        pin_memory=args.device == "cuda",
    )
    network, optimizer = network_and_optimizer(args, train.info)
    seconds = []
    for _ in range(2):
        began = clock()
        for images, targets in loader:
            optimizer.zero_grad()
            moved = images.to(args.device, memory_format=layout(args), non_blocking=True)
            with autocast(args):
                loss = cross_entropy(network(moved), targets.to(args.device, non_blocking=True))
            loss.backward()
            optimizer.step()
        wait(args)
        seconds.append(clock() - began)
    return seconds


def augment(args: argparse.Namespace, clock: Callable[[], float]) -> list[float]:
    import torch

    from trainables import augmentation
    from trainables.batches import merge_batches
    from trainables.images import Images

    train, _ = examples(args.data, args.images)
    images = Images(train, torch.device(args.device), lambda prepared: prepared, hold=True)
    groups = [
        torch.cat(group)
        for group in merge_batches(torch.arange(len(images)).split(args.batch), images.augmented)
    ]
    batches = [(images.prepared(group), images.labels[group.to(args.device)]) for group in groups]
    change = augmentation.build(recipe(args, True)["augment"], (1, 28, 28), 10)
    assert change is not None
    generator = torch.Generator().manual_seed(0)
    seconds = []
    for _ in range(args.epochs + 1):
        began = clock()
        for inputs, labels in batches:
            sizes = [len(batch) for batch in labels.split(args.batch)]
            for _ in change.several(inputs, labels, sizes, generator):
                pass
        wait(args)
        seconds.append(clock() - began)
    return seconds


WAYS = {"plain": shipped, "augmented": shipped, "bare": bare, "per_image": per_image, "augment": augment}
