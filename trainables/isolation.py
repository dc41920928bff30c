"""Keeps a training's random numbers and threads to itself.

Workers train one trial after another, so nothing may be left behind: torch's random state and
thread count are put back, and every epoch has random numbers of its own, derived from the
training's seed. A resumed training therefore draws what an undisturbed one would have drawn, with
no generator to be kept. Memory that the training before held on a GPU goes back when the next one begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from hpo.core.errors import UserError
from hpo.core.seeds import derive


@contextmanager
def alone(threads: int, device: torch.device) -> Iterator[None]:
    """Use this many threads inside, and as many as before afterwards; count a GPU's memory from here on."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    if device.type == "cuda":
        torch.cuda.empty_cache()  # of the training before, whose network is gone by now
        torch.cuda.reset_peak_memory_stats(device)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def seeded(seed: int, *purpose: str | int, device: torch.device) -> Iterator[torch.Generator]:
    """Random numbers for one purpose, both torch's own and a generator's on the CPU.

    Args:
        seed: The training's seed.
        purpose: What they are for, such as ``("epoch", 3)``.
        device: Where else torch's random state is put back afterwards.
    """
    derived = derive(seed, *purpose)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(derived)
        yield torch.Generator().manual_seed(derived)


def device(name: str) -> torch.device:
    """The device of that name.

    Raises:
        UserError: If there is none.
    """
    if name not in ("cpu", "cuda"):
        raise UserError(f"device: {name!r} does not exist; legal: cpu, cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device: cuda was asked for and torch finds no GPU here; legal here: cpu")
    return torch.device(name, torch.cuda.current_device()) if name == "cuda" else torch.device(name)
