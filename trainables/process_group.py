"""torch's process group of a trial that several processes of one node train together."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import TCPStore  # as torch.distributed has it, which does not say so

from hpo.core.distributed import Distributed
from hpo.core.errors import UserError

LOOPBACK = "127.0.0.1"
"""Address of every process: all are on one node, and nothing listens to other machines."""

JOIN_SECONDS = 600.0
"""Seconds within which all processes must have joined."""


def variables(place: Distributed, port: int) -> Mapping[str, str]:
    """Return the environment variables by which libraries know a process's place, as torchrun sets them.

    Args:
        place: The process.
        port: Where the processes meet.
    """
    loopback = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), "lo")
    return {
        "MASTER_ADDR": LOOPBACK,
        "MASTER_PORT": str(port),
        "RANK": str(place.rank),
        "LOCAL_RANK": str(place.local_rank),
        "WORLD_SIZE": str(place.world_size),
        "LOCAL_WORLD_SIZE": str(place.world_size),
        "GLOO_SOCKET_IFNAME": loopback,
        "NCCL_SOCKET_IFNAME": loopback,
    }


def listening() -> socket.socket:
    """Return a socket on a free port of the loopback interface, at which the processes meet."""
    listener = socket.create_server((LOOPBACK, 0))
    listener.set_inheritable(False)
    return listener


@contextmanager
def joined(
    place: Distributed, port: int, seconds: float, listener: socket.socket | None = None
) -> Iterator[None]:
    """Be part of a process group inside: NCCL for tensors on GPUs, gloo for others.

    The environment variables of `variables` must be set.

    Args:
        place: This process.
        port: Where the processes meet.
        seconds: Longest time for which a process waits for the others.
        listener: The socket at that port, in the first process.

    Raises:
        UserError: If there are fewer GPUs than processes.
    """
    gpu = place.device.startswith("cuda")
    if gpu:
        _use_gpu(place)
    store = TCPStore(
        LOOPBACK,
        port,
        place.world_size,
        is_master=place.first,
        timeout=timedelta(seconds=JOIN_SECONDS),
        wait_for_workers=False,
        master_listen_fd=None if listener is None else listener.detach(),
    )
    hook = sys.excepthook
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if gpu else "gloo",
        store=store,
        rank=place.rank,
        world_size=place.world_size,
        timeout=timedelta(seconds=seconds),
    )
    sys.excepthook = hook  # torch adds one of its own each time
    try:
        yield
    finally:
        if dist.is_initialized():  # the training's own code may have ended it
            dist.destroy_process_group()


def _use_gpu(place: Distributed) -> None:
    present = torch.cuda.device_count()
    if present < place.world_size:
        raise UserError(
            f"resources.processes: {place.world_size} processes need a GPU each, torch finds {present} here"
        )
    torch.cuda.set_device(place.local_rank)
