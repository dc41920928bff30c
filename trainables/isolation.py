"""Isolate a training's random numbers and threads from the rest of the process.

Workers train one trial after another, so a training must not leave anything behind: torch's random
state and thread count are restored, and each epoch has its own random numbers, derived from the
training's seed. A resumed training therefore draws the same numbers as an undisturbed one, without a
generator to save. GPU memory of the previous training is released when the next one begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from hpo.core.errors import UserError
from hpo.core.seeds import derive


@contextmanager
def alone(threads: int, device: torch.device) -> Iterator[None]:
    """Use this many threads inside, then restore the former number; measure GPU memory from here on."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    if device.type == "cuda":
        torch.cuda.empty_cache()  # of the previous training, whose network no longer exists
        torch.cuda.reset_peak_memory_stats(device)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def seeded(seed: int, *purpose: str | int, device: torch.device) -> Iterator[torch.Generator]:
    """Seed torch and a generator on the CPU for one purpose, then restore torch's state.

    Args:
        seed: The training's seed.
        purpose: What the numbers are for, such as ``("epoch", 3)``.
        device: Whose random state is restored as well if it is a GPU.
    """
    derived = derive(seed, *purpose)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(derived)
        yield torch.Generator().manual_seed(derived)


def device(name: str) -> torch.device:
    """Return the device of that name.

    Raises:
        UserError: If it does not exist.
    """
    if name not in ("cpu", "cuda"):
        raise UserError(f"device: {name!r} does not exist; legal: cpu, cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device: cuda was requested, but torch finds no GPU here; legal here: cpu")
    return torch.device(name, torch.cuda.current_device()) if name == "cuda" else torch.device(name)
