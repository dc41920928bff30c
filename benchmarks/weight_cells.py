"""What `benchmarks/first_weights.py` compares: its cells, their data, and the ways of training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from hpo.core.recipe import Recipe
from hpo.core.trainable import DataInfo, Examples
from trainables.image_classifier import ImageClassifier
from trainables.networks import build
from trainables.registry import IMAGE_CLASSIFIER

SEEDS = 8
BATCH = 64
MODELS: Mapping[str, dict[str, Any]] = {
    "mlp": {"name": "mlp"},
    "cnn": {"name": "cnn"},
    "resnet-8": {"name": "resnet", "blocks": 1},
    "vit": {"name": "vit", "depth": 2},
}
USUAL = {"adamw": 1e-3, "nesterov": 0.05}
Parts = tuple[Examples, Examples]


@dataclass(frozen=True)
class Cell:
    """One comparison."""

    model: str
    data: str
    optimizer: str
    factor: float
    epochs: int

    @property
    def name(self) -> str:
        """Its name in the table and in the results."""
        rate = USUAL[self.optimizer] * self.factor
        return f"{self.model}, {self.data}, {self.optimizer} {rate:g}, {self.epochs} epochs"

    @property
    def sides(self) -> tuple[str, ...]:
        """What is compared in it."""
        rivals = self.model in ("cnn", "resnet-8") and self.data != "digits"
        return ("default", "plain", "he_normal") if rivals else ("default", "plain")


def _cells() -> Iterator[Cell]:
    for epochs in (3, 8):
        for optimizer in USUAL:
            for factor in (0.5, 1, 2):
                yield Cell("mlp", "digits", optimizer, factor, epochs)
    for optimizer in USUAL:
        yield Cell("mlp", "digits", optimizer, 1, 20)
        for factor in (0.5, 1, 2):
            yield Cell("cnn", "digits", optimizer, factor, 3)
        yield Cell("cnn", "digits", optimizer, 1, 8)
        yield Cell("mlp", "fashion", optimizer, 1, 3)
        yield Cell("mlp", "fashion", optimizer, 1, 8)
    yield from (Cell("vit", "digits", "adamw", factor, 3) for factor in (0.5, 1, 2))
    yield from (Cell("resnet-8", "digits", "adamw", factor, 3) for factor in (0.5, 1, 2))
    yield Cell("resnet-8", "digits", "nesterov", 1, 3)
    for data, model in (("fashion", "cnn"), ("cifar", "cnn"), ("cifar", "resnet-8")):
        yield from (Cell(model, data, optimizer, 1, 3) for optimizer in USUAL)
    yield Cell("cnn", "fashion", "adamw", 1, 8)


CELLS = tuple(_cells())
"""All comparisons, cheap ones first."""

LARGER = (Cell("cnn", "fashion-10000", "adamw", 1, 6), Cell("resnet-8", "cifar-4000", "nesterov", 2, 8))
"""Two further comparisons, on more images than those."""


def digits() -> Parts:
    """1,150 training and 288 validation digits."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    images = (loaded.images * (255 / 16)).astype(np.uint8)[..., None]
    return _parts(images, loaded.target, 1150, 288)


def fashion(folder: Path, train: int = 2000) -> Parts:
    """Training and 2,000 validation images of Fashion-MNIST."""
    from trainables import torchvision_ops  # noqa: F401
    from torchvision.datasets import FashionMNIST  # isort: skip

    loaded = FashionMNIST(str(folder), download=False)
    return _parts(loaded.data.numpy()[..., None], loaded.targets.numpy(), train, 2000)


def cifar(folder: Path, train: int = 1000) -> Parts:
    """Training and 1,000 validation images of a folder by class."""
    from PIL import Image

    files = sorted(folder.glob("*/*"))
    classes = sorted({file.parent.name for file in files})
    images = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
    return _parts(images, np.array([classes.index(file.parent.name) for file in files]), train, 1000)


def _parts(images: Any, labels: Any, train: int, validation: int) -> Parts:
    order = np.random.default_rng(0).permutation(len(images))
    info = DataInfo("image", "classification", images.shape[1:], tuple(map(str, range(10))))
    rows = order[:train], order[train : train + validation]
    return tuple(Examples(images, labels.astype(np.int64), r, info) for r in rows)  # type: ignore[return-value]


def recipe(cell: Cell, **more: Any) -> Recipe:
    """Return the default recipe with the changes of the cell, and others."""
    choices = {
        "model": MODELS[cell.model],
        "optimizer": cell.optimizer,
        "learning_rate": USUAL[cell.optimizer] * cell.factor,
        "batch_size": BATCH,
        **more,
    }
    return Recipe(IMAGE_CLASSIFIER.grammar.resolve(choices))


class _Context:
    """A training context that keeps the last report."""

    device, threads = "cpu", 1

    def __init__(self, seed: int, horizon: int):
        self.seed, self.horizon = seed, horizon
        self.last: Mapping[str, float] = {}

    def epochs(self) -> Iterator[int]:
        yield from range(1, self.horizon + 1)

    def restored(self) -> None:
        return None

    def report(self, metrics: Mapping[str, float], model: Any, state: Any = None) -> None:
        self.last = metrics


def shipped(cell: Cell, parts: Parts, seed: int, **more: Any) -> float:
    """Return the validation accuracy of the shipped trainable."""
    context = _Context(seed, cell.epochs)
    ImageClassifier().train(recipe(cell, **more), *parts, context)
    return context.last["validation/accuracy"]


def he_normal(cell: Cell, parts: Parts, seed: int) -> float:
    """Return the same from ``he_normal`` with open residual branches."""
    return shipped(cell, parts, seed, init={"name": "he_normal", "zero_residual": False})


def plain(cell: Cell, parts: Parts, seed: int) -> float:
    """Return the validation accuracy of a plain loop."""
    torch.manual_seed(seed)
    (x, y), (held_out, truth) = (_tensors(part) for part in parts)
    mean, std = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)
    x, held_out = (x - mean) / std, (held_out - mean) / std
    network = build.network(recipe(cell), tuple(x.shape[1:]), 10)
    network.apply(_as_the_paper if cell.model == "vit" else _as_torch)
    rate = USUAL[cell.optimizer] * cell.factor
    if cell.optimizer == "adamw":
        optimizer: torch.optim.Optimizer = torch.optim.AdamW(network.parameters(), rate, weight_decay=0)
    else:
        optimizer = torch.optim.SGD(network.parameters(), rate, momentum=0.9, nesterov=True)
    steps = cell.epochs * -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    network.train()
    for _ in range(cell.epochs):
        for index in torch.randperm(len(x)).split(BATCH):
            if len(index) == 1:
                continue
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x[index]), y[index]).backward()
            optimizer.step()
            schedule.step()
    network.eval()
    with torch.inference_mode():
        outputs = torch.cat([network(some) for some in held_out.split(256)])
    return float((outputs.argmax(1) == truth).float().mean())


def _tensors(part: Examples) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.from_numpy(part.inputs[part.rows]).permute(0, 3, 1, 2) / 255
    return images.contiguous(), torch.from_numpy(part.targets[part.rows])


def _as_torch(module: nn.Module) -> None:
    if hasattr(module, "reset_parameters"):
        module.reset_parameters()


def _as_the_paper(module: nn.Module) -> None:
    _as_torch(module)
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)


SIDES: Mapping[str, Callable[[Cell, Parts, int], float]] = {
    "default": shipped,
    "plain": plain,
    "he_normal": he_normal,
}
