"""Changes are sent in batches that a server accepts, none of them lost."""

import pytest

from hpo.tracking.client_store import (
    CHARACTERS_PER_BATCH,
    ENTRIES_PER_BATCH,
    METRICS_PER_BATCH,
    batches,
)


def texts(n, characters):
    return {f"{number:04}": "x" * (characters - 4) for number in range(n)}


@pytest.mark.parametrize(
    ("params", "tags", "sent"),
    [
        ({}, {}, []),
        (texts(3, 10), texts(2, 10), [(3, 2)]),
        (texts(ENTRIES_PER_BATCH, 10), texts(ENTRIES_PER_BATCH + 1, 10), [(ENTRIES_PER_BATCH, 90), (0, 1)]),
        (texts(4, CHARACTERS_PER_BATCH // 3), {}, [(3, 0), (1, 0)]),
        (texts(4, CHARACTERS_PER_BATCH // 3 + 1), {}, [(2, 0), (2, 0)]),
        (texts(2, CHARACTERS_PER_BATCH + 1), {}, [(1, 0), (1, 0)]),
    ],
)
def test_texts_are_divided_by_number_and_by_size(params, tags, sent):
    found = list(batches([], params, tags))
    assert [(len(each[1]), len(each[2])) for each in found] == sent
    assert dict(entry for _, some, _ in found for entry in some) == params
    assert dict(entry for _, _, some in found for entry in some) == tags


@pytest.mark.parametrize(("n", "sent"), [(1, [1]), (600, [600]), (1201, [600, 600, 1])])
def test_measurements_are_divided_by_number(n, sent):
    measurements = [("key", float(step), 0, step) for step in range(n)]
    found = list(batches(measurements, {"a": "b"}, {}))
    assert METRICS_PER_BATCH == 600
    assert [len(each[0]) for each in found] == sent
    assert [each for some, _, _ in found for each in some] == measurements
    assert [each[1] for each in found] == [[("a", "b")], *[[]] * (len(sent) - 1)]
