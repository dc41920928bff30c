"""Items whose inputs differ in length, such as sentences or series: how long the longest is, and digests.

They are stored with their length and filled up with zeros, and come back in their own length, so that a
``collate_fn`` receives what the data set returned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.data.digests import BYTES, CHUNK, packed
from trainables.data.item_fields import LENGTH, VALUES, VARYING, Field, MapStyle, as_numbers, named_fields


def has_lengths(fields: Iterable[Field]) -> bool:
    """Return whether items differ in the length of a field."""
    return any(field.varies for field in fields)


def longest_of(
    items: MapStyle, fields: Sequence[Field], varying: Collection[str], source: str
) -> list[Field]:
    """Return the fields, those of varying length with the length of the longest; reads all items for them."""
    if not varying:
        return list(fields)
    longest = dict.fromkeys(varying, 0)
    for row in range(len(items)):
        item = named_fields(items[row], source)
        for name in varying & item.keys():
            value = as_numbers(item[name])
            longest[name] = max(longest[name], len(value) if value.ndim else 0)
    return [
        replace(field, type=field.type + VARYING, shape=(longest[field.name], *field.shape[1:]))
        if field.name in longest
        else field
        for field in fields
    ]


def lengths_notes(fields: Iterable[Field], inputs: NDArray[Any]) -> tuple[str, ...]:
    """Return what the user should know about fields of varying length that are stored."""
    lengths = {field.name: inputs[field.name][LENGTH] for field in fields if field.varies}
    return tuple(
        f"field {name} has from {found.min():,} to {found.max():,} entries, so a DataLoader needs a "
        "collate_fn that pads them; each item keeps its own length"
        for name, found in lengths.items()
    )


def item_digests(inputs: Any, chosen: NDArray[np.int64] | None = None) -> NDArray[np.uint64]:
    """Digest rows by what they hold: it does not matter how long the longest row beside them is.

    Args:
        inputs: Structured array [n], or what reads one.
        chosen: Rows to digest; None for all.

    Returns:
        Array [n, 2], as of `trainables.data.digests.row_digests`.
    """
    rows = np.arange(len(inputs)) if chosen is None else chosen
    blocks = [np.zeros((0, 2), np.uint64)]
    for start in range(0, len(rows), CHUNK):
        block = inputs[rows[start : start + CHUNK]]
        blocks.append(packed(_digest(row) for row in block))
    return np.concatenate(blocks)


def _digest(row: Any) -> bytes:
    hasher = hashlib.blake2b(digest_size=BYTES)
    for name in row.dtype.names:
        value = row[name]
        if getattr(value.dtype, "names", None) == (LENGTH, VALUES):
            value = value[VALUES][: value[LENGTH]]
        content = value if isinstance(value, bytes) else np.ascontiguousarray(value).tobytes()
        hasher.update(f"{name}:{value.dtype.kind}{np.shape(value)}:{len(content)}:".encode())
        hasher.update(content)
    return hasher.digest()
