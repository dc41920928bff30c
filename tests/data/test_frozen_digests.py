"""What is on record of data, and how it is cut, stays the same from version to version.

A register compares test data with what earlier versions wrote, and a search resumes on rows that an earlier
version cut. `frozen_digests.json` holds the answers; ``python -m tests.data.test_frozen_digests`` writes it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from hpo.core.trainable import DataInfo
from hpo.data import (
    close_rows,
    nearest_rows,
    removed_error,
    row_keys,
    sketch,
    stratification,
    stream_copies,
    thumbnails,
)
from hpo.data.quick_forest import unseen_votes
from hpo.data.signature import signature_of
from trainables.data import digests
from trainables.data.content import Content
from trainables.data.held_out import carve

FILE = Path(__file__).with_name("frozen_digests.json")
KEY = bytes(range(32))


def table(n=300, columns=5):
    random = np.random.default_rng(n)
    inputs = random.lognormal(0, 1, (n, columns)).round(3).astype(np.float32)
    inputs[::11, 1], inputs[:, 2] = np.nan, np.arange(n) % 4
    return inputs, (inputs[:, 0] + random.normal(size=n) > 1.2).astype(np.int64) + (np.arange(n) % 17 == 0)


def pictures(n=40, shape=(20, 24, 3)):
    ramp = np.add.outer(np.arange(shape[0]), np.arange(shape[1]))[None, :, :, None]
    noise = np.random.default_rng(1).integers(0, 90, (n, *shape))
    return (3 * ramp + noise + 2 * np.arange(n)[:, None, None, None]).clip(0, 255).astype(np.uint8)


def signed(inputs, targets, kind):
    info = DataInfo(kind, "classification", inputs.shape[1:], tuple("abc"))
    parts = carve(Content(inputs, targets, info), 0.2)
    signature = signature_of(*parts, KEY)
    names = ("sizes", "columns", "ends", "counters", "combinations", "ranks", "keys", "blocks", "images")
    return {name: exact(getattr(signature, name)) for name in (*names, "others", "named", "placed", "sealed")}


def exact(array):
    """A digest of an array of whole numbers, or of values that were computed with them alone."""
    array = np.ascontiguousarray(array)
    return hashlib.sha256(f"{array.dtype.str}{array.shape}".encode() + array.tobytes()).hexdigest()[:16]


def close(array):
    """Sums of numbers, which differ in their last digits between processors."""
    flat = np.asarray(array, np.float64).ravel()
    return [float(flat.sum()), float(flat @ np.cos(np.arange(len(flat))))]


def hashes():
    numbers = np.arange(1000, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    is_test = np.arange(1000) % 5 == 0
    yield "mixed", exact(sketch.mixed(numbers, KEY))
    yield "sequence", [sketch.sequence_hash(numbers[:9] % np.uint64(50), KEY, bits) for bits in (6, 20)]
    yield "texts", exact(sketch.text_tokens(["", "a", "ä", "row\n"], KEY))
    yield "sketch", [exact(sketch.sketched(numbers % np.uint64(m), is_test, KEY, 64)) for m in (40, 2**63)]
    yield "smallest", exact(sketch.smallest(numbers, 100))
    inputs, targets = table()
    rows = digests.row_digests(inputs)
    yield "rows", [exact(digests.row_digests(part)) for part in (inputs, targets, inputs.astype(np.float64))]
    yield "text rows", exact(digests.text_digests(["a", "b\tc", "ä"]))
    yield "set", digests.set_digest(rows)
    yield "labelled", [digests.labelled_digest(rows, targets, key) for key in (None, KEY)]
    yield "keys of digests", exact(row_keys.keys_of_digests(rows))
    keys, sums = row_keys.keys_of_columns([*inputs.T, np.array(["A", "a "] * 150)], 300, (10, 400))
    yield "keys of columns", [exact(keys), {str(length): exact(of) for length, of in sums.items()}]
    yield "pairs of parts", [exact(row_keys.paired(keys, pair)) for pair in ((0, 1), (2, 7), (3, 3))]
    yield "whole keys", exact(row_keys.whole(keys))
    yield "text keys", exact(row_keys.text_keys([1, "1", 2.5]))


def cuts():
    labels, shares = table()[1], (0.6, 0.25, 0.15)
    groups = np.random.default_rng(2).integers(0, 40, 300)
    times = np.repeat(np.arange(60.0), 5)
    yield "quotas", [stratification.quotas(n, shares).tolist() for n in (3, 10, 301)]
    yield "quotas of classes", stratification.class_quotas(np.array([3, 7, 90]), shares).tolist()
    yield "evenly", exact(stratification.evenly(300, shares, 4))
    yield "by class", exact(stratification.by_class(labels, tuple("abc"), shares, 4))
    yield "by group", [exact(stratification.by_group(groups, of, shares, 4)) for of in (None, labels)]
    yield "by time", exact(stratification.by_time(times, shares))
    parts = stratification.evenly(300, shares, 4)
    yield "equal rows", exact(stratification.with_equal_rows(parts, np.arange(300) // 3))
    inputs = table()[0]
    yield "signature of a table", signed(inputs, labels, "table")
    yield "signature of images", signed(pictures(), np.arange(40) % 3, "image")


def comparisons():
    random = np.random.default_rng(5)
    ours, theirs = random.uniform(-1, 1, (700, 6)), random.uniform(-1, 1, (400, 6))
    theirs[:50] = ours[::14] + 0.001
    for count in (1, 5):
        distances, rows = nearest_rows.nearest_rows(ours, theirs, count)
        yield f"nearest {count}", [close(distances), exact(rows)]
    for limit in (0.0005, 0.01, 0.3):
        yield f"closer than {limit}", exact(close_rows.close_rows(ours, theirs, limit))
    many = random.uniform(-1, 1, (6000, 3))
    near = np.concatenate([many[::20] + 0.002, random.uniform(-1, 1, (300, 3))])
    yield "closer, of many", exact(close_rows.close_rows(many, near, 0.01))
    inputs, labels = table()
    yield "votes", close(unseen_votes(np.nan_to_num(inputs), labels))
    half = np.arange(300) % 2
    mixture = inputs[:, 0] + np.float32(0.1) * inputs[:, 3]
    columns = [column.astype(np.float64) for column in (inputs[:, 2], inputs[:, 1], mixture)]
    for name, targets, classes in (("class", labels, 3), ("value", columns[2], 0)):
        found = [removed_error.error_removed(column, targets, half, classes) for column in columns]
        yield f"error removed of a {name}", found
    grey = thumbnails.thumbnails(pictures())
    views = (grey, thumbnails.frequencies(grey), thumbnails.blurred(grey), thumbnails.edge_rows(grey))
    yield "views of images", [close(view) for view in views]
    tokens = random.integers(0, 90, (60, 40))
    copies = np.concatenate([tokens[:7], random.integers(0, 90, (20, 40))])
    copies[3, ::2] = 91
    for at_once in (1 << 20, 400):
        stream_copies.TOKENS_AT_ONCE, before = at_once, stream_copies.TOKENS_AT_ONCE
        try:
            found = stream_copies.copied_blocks(copies, tokens, np.arange(27), np.arange(60))
        finally:
            stream_copies.TOKENS_AT_ONCE = before
        yield f"copied blocks, {at_once} at once", found.tolist()


def cases():
    return dict([*hashes(), *cuts(), *comparisons()])


EXPECTED = json.loads(FILE.read_text()) if FILE.exists() else {}


@pytest.fixture(scope="module")
def found():
    return json.loads(json.dumps(cases()))


def test_there_is_an_answer_for_each_case(found):
    assert set(found) == set(EXPECTED)


@pytest.mark.parametrize("case", EXPECTED)
def test_answers_are_those_on_record(found, case):
    assert same(found[case], EXPECTED[case]), f"{found[case]} is not {EXPECTED[case]}"


def same(one, other):
    if isinstance(other, float):
        return one == pytest.approx(other, rel=1e-4, abs=1e-6)
    if isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in other)
    return one == other


if __name__ == "__main__":
    FILE.write_text(json.dumps(cases(), indent=1) + "\n")
