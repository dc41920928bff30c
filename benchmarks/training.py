"""Training speed: the shipped trainable compared with usual user code and a bare loop.

For each network an epoch of Fashion-MNIST is trained on one thread in five ways, each in its own
process, in turn and several times; medians are compared::

    plain        the shipped trainable, no augmentation
    augmented    the shipped trainable with crop, flip, RandAugment and mixup
    bare         a loop over prepared tensors in memory, no augmentation: the ceiling
    per_image    Dataset, DataLoader and transforms.v2 on each image, the same recipe
    augment      the augmentation of an epoch alone, as the trainable does it, nothing trained

Run it on data laid out as torchvision does::

    python benchmarks/training.py --data DIR --json FILE

With ``--device cuda`` all ways train on a GPU: in-memory data is on the GPU, images are
``channels_last``, and ``--precision bfloat16`` uses autocast in every way; the loader can use processes::

    python benchmarks/training.py --data DIR --device cuda --precision bfloat16 --batch 512 --images 49152 \
        --loaders 8
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

MODELS: Mapping[str, dict[str, Any]] = {
    "mlp 64": {"name": "mlp", "depth": 1, "width": 64},
    "cnn 8-16": {"name": "cnn", "channels": 8, "stages": 2},
    "resnet-20": {"name": "resnet"},
}
IMAGES = {"mlp 64": 24_576, "cnn 8-16": 6_144, "resnet-20": 768}
"""Images of the measured epoch, about a second each."""

PER_IMAGE = 4
"""The slowest way is measured on one image in this many; speeds are per image."""

WAYS = ("plain", "augmented", "bare", "per_image", "augment")
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
            there = images.to(args.device, memory_format=layout(args), non_blocking=True)
            with autocast(args):
                loss = cross_entropy(network(there), targets.to(args.device, non_blocking=True))
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


def measure(args: argparse.Namespace) -> dict[str, float]:
    """Time one of the ways in this process."""
    import torch

    torch.set_num_threads(1)
    clock = time.process_time if args.clock == "cpu" else time.perf_counter
    ways = {"plain": shipped, "augmented": shipped, "bare": bare, "per_image": per_image, "augment": augment}
    seconds = ways[args.way](args, clock)[1:]
    if args.device == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**20
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": statistics.median(seconds), "peak_mib": peak}


def compare(args: argparse.Namespace) -> dict[str, Any]:
    """Measure every way of every network in turn, and compare medians."""
    results: dict[str, Any] = {}
    for model in args.models:
        images = args.images or IMAGES[model]
        runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for _ in range(args.repeats):
            for way in WAYS:
                runs[way].append(_run(args, model, way, images))
        results[model] = summary(runs)
        print(table(model, results[model]), flush=True)
    return results


def _run(args: argparse.Namespace, model: str, way: str, images: int) -> dict[str, float]:
    count = images // PER_IMAGE if way == "per_image" else images
    if args.here:
        measured = measure(argparse.Namespace(**{**vars(args), "model": model, "way": way, "images": count}))
    else:
        measured = _in_a_process(args, model, way, count)
    return {"speed": count / measured["seconds"], "peak_mib": measured["peak_mib"]}


def _in_a_process(args: argparse.Namespace, model: str, way: str, count: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--data", args.data, "--clock", args.clock, "--way", way]
    command += ["--model", model, "--images", str(count), "--epochs", str(args.epochs)]
    command += ["--device", args.device, "--precision", args.precision, "--batch", str(args.batch)]
    command += ["--loaders", str(args.loaders)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def summary(runs: Mapping[str, list[dict[str, float]]]) -> dict[str, Any]:
    speeds = {way: sorted(run["speed"] for run in each) for way, each in runs.items()}
    middle = {way: statistics.median(each) for way, each in speeds.items()}
    apart = 1 / middle["bare"] + 1 / middle["augment"]
    return {
        "images_per_second": middle,
        "all_images_per_second": speeds,
        "peak_mib": {way: max(run["peak_mib"] for run in each) for way, each in runs.items()},
        "augmented_by_per_image": middle["augmented"] / middle["per_image"],
        "plain_by_bare": middle["plain"] / middle["bare"],
        "augmented_by_its_parts": 1 / middle["augmented"] / apart,
        "most_by_per_image": middle["bare"] / middle["per_image"],
    }


def table(model: str, result: Mapping[str, Any]) -> str:
    lines = [model]
    for way in WAYS:
        speeds = result["all_images_per_second"][way]
        lines.append(
            f"  {way:10s} {result['images_per_second'][way]:10,.0f} images/s"
            f"   ({speeds[0]:,.0f} to {speeds[-1]:,.0f})   {result['peak_mib'][way]:6,.0f} MiB"
        )
    lines.append(
        f"  augmented: {result['augmented_by_per_image']:.2f} x per_image (to reach: 5; "
        f"with augmentation for nothing it would be {result['most_by_per_image']:.2f})"
    )
    lines.append(f"  plain: {result['plain_by_bare']:.2f} of bare (to reach: 0.85)")
    lines.append(f"  augmented: {result['augmented_by_its_parts']:.2f} x the time of bare and augment (1.15)")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", required=True, help="folder that holds FashionMNIST/raw")
    parser.add_argument("--models", nargs="+", choices=tuple(MODELS), default=list(MODELS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=1, help="measured epochs, after a warm-up")
    parser.add_argument("--images", type=int, help="of an epoch; by default enough for some seconds")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--loaders", type=int, default=0, help="processes of the per_image DataLoader")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: for a shared machine")
    parser.add_argument(
        "--here", action="store_true", help="run all ways in this process; peaks of memory are then shared"
    )
    parser.add_argument("--json", type=Path, help="file for all measurements")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--model", choices=tuple(MODELS), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        print(json.dumps(measure(args)))
        return
    results = compare(args)
    if args.json:
        args.json.write_text(json.dumps({"clock": args.clock, "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
