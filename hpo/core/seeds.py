"""Seeds derived by purpose, so that no two purposes share a random stream."""

from __future__ import annotations

import hashlib


def derive(seed: int, *purpose: str | int) -> int:
    """Derive the seed for one purpose from a search's seed.

    Args:
        seed: The seed in the spec.
        purpose: What the random numbers are for, such as ``("trial", 17, "train")``.

    Returns:
        An integer in [0, 2**53), exact in JSON and valid for every random generator used here.
    """
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 11
