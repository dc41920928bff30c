"""The memory layout of images: which networks use it, without writing out of bounds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.trainables.recorder import recipe
from trainables.networks import build
from trainables.networks.memory_format import by_pixel, takes_pixels

ROOT = Path(__file__).resolve().parents[3]

TRAIN = """
import torch
from tests.trainables.recorder import recipe
from trainables.networks import build

torch.set_num_threads(1)
for model in (
    {"name": "cnn", "channels": 3, "stages": 2, "kernel": 1},
    {"name": "cnn", "channels": 8, "stages": 2},
    {"name": "resnet", "width": 16, "blocks": 1},
    {"name": "resnet", "width": 6, "blocks": 1},
    {"name": "resnet", "width": 4, "blocks": 1, "block": "bottleneck", "stem": "large"},
    {"name": "resnet", "width": 16, "blocks": 1, "block": "bottleneck"},
):
    for channels in (1, 3):
        network = build.network(recipe({"model": model, "normalization": "batch_norm"}), (channels, 8, 8), 10)
        for batch in (16, 3):
            for _ in range(10):
                network(torch.rand(batch, channels, 8, 8)).square().mean().backward()
"""
"""Run in its own process, because the tested fault would end it."""

CHECKED = {"GLIBC_TUNABLES": "glibc.malloc.check=3", "LD_PRELOAD": "libc_malloc_debug.so.0"}
"""Makes glibc check for writes out of bounds; without glibc the loader only warns."""


def test_networks_train_without_writing_past_the_end_of_memory() -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **CHECKED}
    done = subprocess.run(
        [sys.executable, "-c", TRAIN],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("channels", [1, 3])
def test_the_channels_of_a_pixel_are_adjacent_in_memory(channels: int) -> None:
    images = torch.rand(2, channels, 5, 4)
    laid = by_pixel(images)
    assert torch.equal(laid, images)
    assert laid.stride() == (20 * channels, 1, 4 * channels, channels)
    assert by_pixel(laid).data_ptr() == laid.data_ptr()


@pytest.mark.parametrize(
    ("layer", "taken"),
    [
        (nn.Conv2d(4, 8, 1, 2), False),
        (nn.Conv2d(24, 8, 1, (1, 2)), False),
        (nn.Conv2d(16, 8, 1, 2), True),
        (nn.Conv2d(4, 8, 1), True),
        (nn.Conv2d(4, 8, 3, 2), True),
    ],
)
def test_only_narrow_strided_convolutions_need_planes(layer: nn.Conv2d, taken: bool) -> None:
    assert takes_pixels(nn.Sequential(nn.Conv2d(1, 4, 3), layer)) is taken


@pytest.mark.parametrize("model", [{"name": "cnn"}, {"name": "resnet", "width": 16, "blocks": 1}])
def test_outputs_do_not_depend_on_the_memory_layout_of_images(model: dict[str, object]) -> None:
    network = build.network(recipe({"model": model}), (3, 8, 8), 10).eval()
    images = torch.rand(4, 3, 8, 8)
    with torch.inference_mode():
        assert torch.equal(network(images), network(by_pixel(images)))
