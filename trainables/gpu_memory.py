"""Memory of a GPU that this process may use, which is less than all of it if trainings share the GPU."""

from __future__ import annotations

import torch


def limit_memory(share: float) -> None:
    """Limit what this process allocates on its GPU; does nothing if torch finds no GPU.

    Args:
        share: Part of all memory, above 0 and at most 1.
    """
    if torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(share)


def free_memory(device: torch.device) -> int:
    """Return the bytes that this process may still allocate on a GPU.

    Args:
        device: The GPU.
    """
    free, total = torch.cuda.mem_get_info(device)
    share = int(total * torch.cuda.get_per_process_memory_fraction(device))
    return min(free, share - torch.cuda.memory_reserved(device))
