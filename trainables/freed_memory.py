"""How much freed memory a training process keeps.

The temporaries of a step are freed together. As soon as more of the end of its heap is free than twice the
largest block that was ever freed, glibc gives it back to the system, and the next step faults it in again,
page by page: up to 80,000 faults in an epoch of 24,576 augmented images, a quarter of its CPU time. Whether
that happens depends on what lies at the end of the heap, so equal trainings differed in speed.
"""

from __future__ import annotations

import torch

LARGEST = (32 << 20) - (1 << 16)
"""Bytes of the largest block that raises glibc's limits when it is freed; larger ones never do."""


def keep_freed_memory() -> None:
    """Let glibc keep up to 64 MiB of freed memory, as it does once it has freed a block of 32 MiB.

    The block is never written, so it takes no memory. Other allocators are left as they are.
    """
    torch.empty(LARGEST, dtype=torch.uint8)
