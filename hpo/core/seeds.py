"""Seeds derived by name, so that no two purposes ever share a random stream."""

from __future__ import annotations

import hashlib


def derive(seed: int, *purpose: str | int) -> int:
    """Derive the seed of one purpose from a search's seed.

    Args:
        seed: The seed the user wrote.
        purpose: What the numbers are for, such as ``("trial", 17, "train")``.

    Returns:
        An integer in [0, 2**53), exact in JSON and in every random generator used here.
    """
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 11
