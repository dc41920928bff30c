"""Items that can only be read in their order, as a map-style data set that is read row after row."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hpo.core.errors import UserError


class IteratedItems:
    """The items of an iterable, which is begun again whenever an earlier item is asked for.

    Only one item is in memory at a time.

    Args:
        begin: Returns the iterable, from its first item on.
    """

    def __init__(self, begin: Callable[[], Iterable[Any]]):
        self._begin = begin
        self._items: Iterator[Any] = iter(())
        self._row, self._item = -1, None

    @functools.cached_property
    def _count(self) -> int:
        return sum(1 for _ in self._begin())

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row: int) -> Any:
        """Return an item.

        Raises:
            UserError: If the iterable has fewer items than before.
        """
        if row <= self._row or self._row < 0:
            self._items, self._row = iter(self._begin()), -1
        while self._row < row:
            try:
                self._item = next(self._items)
            except StopIteration:
                raise UserError(
                    f"data.source: there is no item {row}: the iterable ended after {self._row + 1} items; "
                    "the function must return it again, with the same items, whenever it is called"
                ) from None
            self._row += 1
        return self._item
