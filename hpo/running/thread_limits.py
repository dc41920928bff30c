"""The same number of threads for a training or a scoring in every process.

Sums depend on how many threads add them up. Ray sets ``OMP_NUM_THREADS`` for its workers and a shell does
not, so that ``hpo train`` gave other weights than the search did.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from threadpoolctl import ThreadpoolController


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Let NumPy's, scikit-learn's and torch's libraries, as far as they are loaded, use this many threads."""
    torch: Any = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    with _libraries(len(sys.modules)).limit(limits=threads):
        if torch:
            torch.set_num_threads(threads)
        try:
            yield
        finally:
            if torch:
                torch.set_num_threads(before)


@lru_cache(maxsize=1)
def _libraries(modules: int) -> ThreadpoolController:
    """Return the libraries that are loaded; they are looked for again when more modules were imported.

    Looking for them takes longer than everything else that a worker does between two trainings.
    """
    return ThreadpoolController()
