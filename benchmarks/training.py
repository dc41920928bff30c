"""Training speed: the shipped trainable compared with usual user code and a bare loop.

For each network an epoch of Fashion-MNIST is trained on one thread in five ways, each in its own process,
alternating and several times; medians are compared::

    plain        the shipped trainable, no augmentation
    augmented    the shipped trainable with crop, flip, RandAugment and mixup
    bare         a loop over prepared tensors in memory, no augmentation: the ceiling
    per_image    Dataset, DataLoader and transforms.v2 on each image, the same recipe
    augment      only the augmentation of an epoch, as the trainable does it

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
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.training_ways import MODELS, WAYS

IMAGES = {"mlp 64": 24_576, "cnn 8-16": 6_144, "resnet-20": 768}
"""Images of the measured epoch, which takes about a second."""

PER_IMAGE = 4
"""The slowest way is measured on one in four images; speeds are per image."""


def measure(args: argparse.Namespace) -> dict[str, float]:
    """Time one of the ways in this process."""
    import torch

    torch.set_num_threads(1)
    clock = time.process_time if args.clock == "cpu" else time.perf_counter
    seconds = WAYS[args.way](args, clock)[1:]
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
        f"  augmented: {result['augmented_by_per_image']:.2f} x per_image (target: 5; "
        f"if augmentation cost nothing it would be {result['most_by_per_image']:.2f})"
    )
    lines.append(f"  plain: {result['plain_by_bare']:.2f} of bare (target: 0.85)")
    lines.append(f"  augmented: {result['augmented_by_its_parts']:.2f} x the time of bare and augment (1.15)")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", required=True, help="folder that holds FashionMNIST/raw")
    parser.add_argument("--models", nargs="+", choices=tuple(MODELS), default=list(MODELS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=1, help="measured epochs, after a warm-up")
    parser.add_argument("--images", type=int, help="images per epoch; by default enough for about a second")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--loaders", type=int, default=0, help="processes of the per_image DataLoader")
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu if the machine is shared"
    )
    parser.add_argument(
        "--here", action="store_true", help="run all ways in this process; memory peaks are then shared"
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
