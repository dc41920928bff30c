"""The same number of threads for a training or a scoring in every process.

Sums depend on how many threads add them up. Ray sets ``OMP_NUM_THREADS`` for its workers and a shell does
not, so that ``hpo train`` gave other weights than the search did.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Let NumPy's, scikit-learn's and torch's libraries, as far as they are loaded, use this many threads."""
    torch: Any = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    with threadpool_limits(threads):
        if torch:
            torch.set_num_threads(threads)
        try:
            yield
        finally:
            if torch:
                torch.set_num_threads(before)
