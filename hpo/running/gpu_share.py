"""The part of a GPU's memory that a worker may use if several trainings share the GPU.

Ray counts shares of a GPU and makes the GPU visible, but limits nothing: without this, the training that
allocates first would take what the others need.
"""

from __future__ import annotations


def use_share(parts: int) -> None:
    """Limit what torch allocates in this process to one of some equal parts of its GPU's memory.

    A training that needs more runs out of memory by itself and disturbs no other. Processes that a training
    starts, such as scripts, are not limited.

    Args:
        parts: Number of trainings that share the GPU; 1 for no limit.
    """
    if parts == 1:
        return
    from trainables.gpu_memory import limit_memory

    limit_memory(1 / parts)
