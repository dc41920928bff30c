"""Default initialization compared with a plain torch loop, cell by cell and seed by seed.

A cell is a model, a data set, an optimizer with a learning rate, and a number of epochs; `CELLS` lists all
of them before anything is run. In each, the shipped trainable with its default recipe and a loop of
ordinary torch code train the same architecture on the same rows, with the same batch size, cosine
schedule and number of seeds. The loop starts from torch's own weights, a vision transformer from its
paper's truncated normal. Finished trainings are appended to a file, and a later run continues there::

    python benchmarks/first_weights.py --fashion DIR --cifar DIR --results FILE --minutes 10

The two ``DIR`` hold Fashion-MNIST in torchvision's layout and CIFAR images in one folder per class; cells
without data are left out. The table is printed at the end; ``--table`` only prints it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from scipy import stats
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


def digits() -> Parts:
    """1,150 training and 288 validation digits."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    images = (loaded.images * (255 / 16)).astype(np.uint8)[..., None]
    return _parts(images, loaded.target, 1150, 288)


def fashion(folder: Path) -> Parts:
    """2,000 training and 2,000 validation images of Fashion-MNIST."""
    from trainables import torchvision_ops  # noqa: F401
    from torchvision.datasets import FashionMNIST  # isort: skip

    loaded = FashionMNIST(str(folder), download=False)
    return _parts(loaded.data.numpy()[..., None], loaded.targets.numpy(), 2000, 2000)


def cifar(folder: Path) -> Parts:
    """1,000 training and 1,000 validation images of a folder by class."""
    from PIL import Image

    files = sorted(folder.glob("*/*"))
    classes = sorted({file.parent.name for file in files})
    images = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
    return _parts(images, np.array([classes.index(file.parent.name) for file in files]), 1000, 1000)


def _parts(images: Any, labels: Any, train: int, validation: int) -> Parts:
    order = np.random.default_rng(0).permutation(len(images))
    info = DataInfo("image", "classification", images.shape[1:], tuple(map(str, range(10))))
    rows = order[:train], order[train : train + validation]
    return tuple(Examples(images, labels.astype(np.int64), r, info) for r in rows)  # type: ignore[return-value]


def recipe(cell: Cell) -> Recipe:
    """Return the default recipe with the changes of the cell."""
    choices = {
        "model": MODELS[cell.model],
        "optimizer": cell.optimizer,
        "learning_rate": USUAL[cell.optimizer] * cell.factor,
        "batch_size": BATCH,
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


def shipped(cell: Cell, parts: Parts, seed: int) -> float:
    """Return the validation accuracy of the shipped trainable."""
    context = _Context(seed, cell.epochs)
    ImageClassifier().train(recipe(cell), *parts, context)
    return context.last["validation/accuracy"]


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


SIDES: Mapping[str, Callable[[Cell, Parts, int], float]] = {"default": shipped, "plain": plain}


def measure(loaders: Mapping[str, Callable[[], Parts]], results: Path, minutes: float) -> None:
    """Run missing trainings, cell by cell, until the time is up."""
    torch.set_num_threads(1)
    done = {(row["cell"], row["seed"], row["side"]) for row in _rows(results)}
    end, opened = time.monotonic() + 60 * minutes, {}
    for cell in CELLS:
        if cell.data not in loaders:
            continue
        for seed in range(SEEDS):
            for side, run in SIDES.items():
                if (cell.name, seed, side) in done:
                    continue
                if time.monotonic() > end:
                    return
                parts = opened.setdefault(cell.data, None) or loaders[cell.data]()
                opened[cell.data] = parts
                began = time.process_time()
                accuracy = run(cell, parts, seed)
                row = {"cell": cell.name, "seed": seed, "side": side, "accuracy": accuracy}
                with results.open("a") as file:
                    file.write(json.dumps({**row, "seconds": time.process_time() - began}) + "\n")


def _rows(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def table(results: Path) -> str:
    """Return the accuracy of both sides by cell, and the mean paired difference with its interval."""
    rows = _rows(results)
    lines = ["| cell | default | plain loop | difference | CPU seconds |", "| --- | --- | --- | --- | --- |"]
    differences, behind = [], []
    for cell in CELLS:
        sides = {
            side: {row["seed"]: row for row in rows if (row["cell"], row["side"]) == (cell.name, side)}
            for side in SIDES
        }
        if any(len(found) < SEEDS for found in sides.values()):
            continue
        scores = {side: [found[seed]["accuracy"] for seed in range(SEEDS)] for side, found in sides.items()}
        apart = [100 * (a - b) for a, b in zip(scores["default"], scores["plain"], strict=True)]
        mean, error = statistics.fmean(apart), statistics.stdev(apart) / SEEDS**0.5
        differences.append(mean)
        if mean + 3 * error < 0:
            behind.append(cell.name)
        shown = [f"{statistics.fmean(s):.3f} ± {statistics.stdev(s):.3f}" for s in scores.values()]
        seconds = [statistics.median(row["seconds"] for row in found.values()) for found in sides.values()]
        spent = " and ".join(f"{value:.2f}" for value in seconds)
        lines.append(f"| {cell.name} | {' | '.join(shown)} | {mean:+.1f} ± {error:.1f} | {spent} |")
    if len(differences) > 1:
        mean, error = statistics.fmean(differences), statistics.stdev(differences) / len(differences) ** 0.5
        reach = stats.t.ppf(0.975, len(differences) - 1) * error
        lines += [
            "",
            f"{len(differences)} of {len(CELLS)} cells, {SEEDS} seeds each. Mean paired difference ",
        ]
        lines[-1] += (
            f"{mean:+.2f} points, 95 % interval over cells {mean - reach:+.2f} to {mean + reach:+.2f}. "
        )
        lines[-1] += f"Behind by three standard errors: {', '.join(behind) or 'none'}."
    return "\n".join(lines)


def main() -> None:
    """Run the missing trainings and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fashion", type=Path)
    parser.add_argument("--cifar", type=Path)
    parser.add_argument("--results", type=Path, default=Path("first_weights.jsonl"))
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--table", action="store_true", help="only print the table")
    parser.add_argument("--list", action="store_true", help="only list the cells")
    options = parser.parse_args()
    if options.list:
        print("\n".join(cell.name for cell in CELLS))
        return
    loaders: dict[str, Callable[[], Parts]] = {"digits": digits}
    if options.fashion:
        loaders["fashion"] = lambda: fashion(options.fashion)
    if options.cifar:
        loaders["cifar"] = lambda: cifar(options.cifar)
    if not options.table:
        measure(loaders, options.results, options.minutes)
    print(table(options.results))


if __name__ == "__main__":
    main()
