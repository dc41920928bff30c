"""Items whose inputs differ in shape, such as sentences, series or graphs: the largest shape, and digests.

They are stored with their shape and filled up with zeros, and come back in their own shape, so that a
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
from trainables.data.item_fields import (
    SHAPE,
    VALUES,
    VARYING,
    Field,
    MapStyle,
    as_numbers,
    named_fields,
    own_shape,
)


def largest_of(
    items: MapStyle, fields: Sequence[Field], varying: Collection[str], source: str
) -> list[Field]:
    """Return the fields, those of varying shape with the largest; reads all items for them."""
    if not varying:
        return list(fields)
    largest: dict[str, NDArray[np.int64]] = {}
    for row in range(len(items)):
        item = named_fields(items[row], source)
        for field in fields:
            value = as_numbers(item[field.name]) if field.name in varying & item.keys() else None
            if value is not None and value.ndim == len(field.shape):
                shape = np.array(value.shape)
                largest[field.name] = np.maximum(largest.get(field.name, shape), shape)
    return [
        replace(field, type=field.type + VARYING, shape=tuple(largest[field.name].tolist()))
        if field.name in varying
        else field
        for field in fields
    ]


def shape_notes(fields: Iterable[Field], inputs: NDArray[Any]) -> tuple[str, ...]:
    """Return what the user should know about fields of varying shape that are stored."""
    shapes = {field.name: inputs[field.name][SHAPE] for field in fields if field.varies}
    return tuple(
        f"field {name} has shapes from {_shown(found.min(0))} to {_shown(found.max(0))}, so a DataLoader "
        "needs a collate_fn that pads them; each item keeps its own shape"
        for name, found in shapes.items()
    )


def _shown(shape: NDArray[np.int64]) -> str:
    return " x ".join(f"{size:,}" for size in shape)


def item_digests(inputs: Any, chosen: NDArray[np.int64] | None = None) -> NDArray[np.uint64]:
    """Digest rows by what they hold: it does not matter how large the largest row beside them is.

    Args:
        inputs: Array [n, ...], structured if it has several fields or one that varies, or what reads one.
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
    for name in row.dtype.names or ("",):
        value = row[name] if name else row
        if getattr(value.dtype, "names", None) == (SHAPE, VALUES):
            value = own_shape(value)
        content = _bytes_of(value)
        hasher.update(f"{name}:{value.dtype.kind}{np.shape(value)}:{len(content)}:".encode())
        hasher.update(content)
    return hasher.digest()


def _bytes_of(value: Any) -> bytes:
    """Return what a value holds; of texts, without the zeros that fill them up."""
    if value.dtype.kind not in "SU":
        return np.ascontiguousarray(value).tobytes()
    texts = [text if isinstance(text, bytes) else text.encode() for text in np.ravel(value).tolist()]
    if len(texts) == 1:
        return texts[0]
    return b"".join(b"%d:" % len(text) + text for text in texts)
