"""Metrics of one epoch of the shipped trainables: loss, pace, memory and outcomes of its batches."""

from __future__ import annotations

import resource
import time
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables.data_parallel import Processes


class EpochMetrics:
    """Metrics of an epoch, added up over its batches without waiting for the device.

    Args:
        device: Where batches are.
    """

    def __init__(self, device: torch.device):
        self._device = device
        self._began = time.perf_counter()
        self._losses: list[Tensor] = []
        self._counts: list[float] = []
        self._outcomes: list[Tensor] = []
        self._truth: list[Tensor] = []

    def add(self, loss: Tensor, outcomes: Tensor, truth: Tensor, count: float) -> None:
        """Add a batch or a part of one.

        Args:
            loss: Its mean loss.
            outcomes: Its outcomes.
            truth: What they are compared with.
            count: Examples for which its loss stands in the mean of the epoch.
        """
        self._losses.append(loss)
        self._counts.append(count)
        self._outcomes.append(outcomes)
        self._truth.append(truth)

    def merge(self, processes: Processes) -> None:
        """Add in the first process what the others have measured."""
        for losses, outcomes, truth, counts in processes.others(self._on_cpu):
            self._losses += [loss.to(self._device) for loss in losses]
            self._counts += counts
            self._outcomes += [outcome.to(self._device) for outcome in outcomes]
            self._truth += [values.to(self._device) for values in truth]

    def _on_cpu(self) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[float]]:
        losses, outcomes, truth = (
            [tensor.cpu() for tensor in tensors] for tensors in (self._losses, self._outcomes, self._truth)
        )
        return losses, outcomes, truth, self._counts

    def metrics(self) -> dict[str, float]:
        """Return mean loss, examples per second and peak memory of the epoch so far."""
        counts = torch.tensor(self._counts, dtype=torch.float64)
        count = sum(map(len, self._truth))
        # Reading the losses waits for the device, so it comes before reading the clock.
        loss = float(torch.stack(self._losses).double().cpu() @ counts) / count
        return {
            "train/loss": loss,
            "images_per_second": count / (time.perf_counter() - self._began),
            "peak_memory": float(peak_memory(self._device)),
        }

    def outcomes(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return outcomes and truth of all batches."""
        return torch.cat(self._outcomes).cpu().numpy(), torch.cat(self._truth).cpu().numpy()


def peak_memory(device: torch.device) -> int:
    """Return the peak memory in bytes so far: of the process, or on the GPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
