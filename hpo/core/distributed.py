"""The place of a process among those that train one trial together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

VARIABLES = ("MASTER_ADDR", "MASTER_PORT", "RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")
"""Environment variables by which libraries know that a process is one of several."""


def without_place(environment: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables for a child that takes no part in its parent's training."""
    return {name: value for name, value in environment.items() if name not in VARIABLES}


@dataclass(frozen=True, slots=True)
class Distributed:
    """One of several processes of one node that train the same trial, on GPUs each on its own.

    torch's default process group exists before the training begins.

    Attributes:
        rank: Number of this process, from 0; only what rank 0 reports is recorded.
        world_size: Number of processes.
        local_rank: Number of this process on its node, the index of its GPU.
        device: ``cpu``, or this process's GPU, such as ``cuda:1``; it is torch's current device as well.
    """

    rank: int
    world_size: int
    local_rank: int
    device: str

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.world_size or self.local_rank < 0:
            raise ValueError(f"not one of several processes: {self}")

    @classmethod
    def on_one_node(cls, rank: int, world_size: int, device: str) -> Distributed:
        """Return the place of a process if all of them are on one node.

        Args:
            rank: Number of this process.
            world_size: Number of processes.
            device: ``cpu`` or ``cuda``.
        """
        return cls(rank, world_size, rank, f"cuda:{rank}" if device == "cuda" else device)

    @property
    def first(self) -> bool:
        """Whether this is the process whose reports are recorded."""
        return self.rank == 0
