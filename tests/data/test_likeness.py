"""A data set is recognised after it was edited, and other data of the same kind is not."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest

from hpo.core.likeness import SAME, UNKNOWN
from hpo.core.trainable import DataInfo
from hpo.data.cells import canonical_text, number_tokens
from hpo.data.likeness import compare
from hpo.data.signature import Signature, signature_of
from hpo.data.sketch import DEVELOPMENT, IDENTITY, TEST, VALUES, sketched
from trainables.data.content import Content
from trainables.data.held_out import carve

KEY = bytes(range(32))
RANDOM = np.random.default_rng(0)
Table = tuple[np.ndarray, np.ndarray]


def measured(n: int = 400, columns: int = 6, seed: int = 0) -> Table:
    random = np.random.default_rng(seed)
    inputs = random.lognormal(0, 1, (n, columns)) * 10.0 ** np.arange(columns)
    return inputs, (np.log(inputs[:, 0]) + random.normal(0, 1, n) > 0).astype(np.int64)


def sign(table: Table, key: bytes = KEY) -> Signature:
    inputs, targets = table
    info = DataInfo("table", "classification", (inputs.shape[1],), ("no", "yes"))
    development, test = carve(Content(inputs.astype(np.float32), targets, info), 0.2)
    return signature_of(development, test, key)


def images(pixels: np.ndarray) -> Signature:
    info = DataInfo("image", "classification", pixels.shape[1:], ("a", "b"))
    development, test = carve(Content(pixels, np.arange(len(pixels)) % 2, info), 0.2)
    return signature_of(development, test, KEY)


EDITS: dict[str, Callable[[np.ndarray, np.ndarray], Table]] = {
    "unchanged": lambda x, y: (x, y),
    "reordered columns": lambda x, y: (x[:, ::-1], y),
    "added columns": lambda x, y: (np.column_stack([np.arange(len(x)), x, x[:, 0] + x[:, 1]]), y),
    "dropped column": lambda x, y: (x[:, 1:], y),
    "rounded": lambda x, y: (np.round(x, 3), y),
    "times 1000": lambda x, y: (x * 1000, y),
    "standardised": lambda x, y: ((x - x.mean(axis=0)) / x.std(axis=0), y),
    "noise": lambda x, y: (x + RANDOM.normal(0, 1e-6, x.shape), y),
    "labels swapped": lambda x, y: (x, 1 - y),
    "shuffled": lambda x, y: (x[RANDOM.permutation(len(x))], y),
    "halved and shuffled": lambda x, y: (x[RANDOM.permutation(len(x))[: len(x) // 2]], y[: len(x) // 2]),
    "repeated": lambda x, y: (np.concatenate([x, x]), np.concatenate([y, y])),
    "joined": lambda x, y: (np.concatenate([x, measured(seed=9)[0]]), np.concatenate([y, y])),
    "rounded, halved and scaled": lambda x, y: (np.round(x[::2], 3) / 10, y[::2]),
    "standardised and shuffled": lambda x, y: (
        ((x - x.mean(axis=0)) / x.std(axis=0))[RANDOM.permutation(len(x))],
        y,
    ),
}


@pytest.mark.parametrize("name", ["halved and shuffled", "joined", "dropped column", "added columns"])
def test_few_rows_measured_coarsely_are_the_same(name: str) -> None:
    inputs = np.round(np.random.default_rng(3).normal(50, 5, (180, 10)), 1)  # steps as even as a counter's
    labels = np.arange(180) % 2
    edited, targets = inputs[::2], labels[::2]
    if name == "joined":
        others = np.round(np.random.default_rng(4).normal(50, 5, (180, 10)), 1)
        edited, targets = np.concatenate([inputs, others]), np.tile(labels, 2)
    elif name != "halved and shuffled":
        edited, targets = EDITS[name](inputs, labels)
    assert compare(sign((inputs, labels)), sign((edited, targets))).answer == SAME


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_edited_data_is_the_same(edit: Callable[[np.ndarray, np.ndarray], Table]) -> None:
    opened = Signature.from_bytes(sign(measured()).to_bytes(development=False))
    assert compare(opened, sign(edit(*measured()))).answer == SAME


def test_other_data_of_the_same_kind_is_unknown() -> None:
    for seed in range(20):
        inputs, targets = measured(800, seed=seed)
        half = np.random.default_rng(seed).permutation(800) < 400
        opened, other = sign((inputs[half], targets[half])), sign((inputs[~half], targets[~half]))
        assert compare(opened, other).answer == UNKNOWN, seed


def test_the_development_rows_of_opened_data_are_not_its_test_rows() -> None:
    inputs, targets = measured(2000)
    info = DataInfo("table", "classification", (inputs.shape[1],), ("no", "yes"))
    development, test = carve(Content(inputs.astype(np.float32), targets, info), 0.2)
    opened = signature_of(development, test, KEY)
    assert compare(opened, sign((development.inputs, development.targets))).answer == UNKNOWN
    assert compare(opened, sign((test.inputs, test.targets))).answer == SAME


def answered(n: int = 800, seed: int = 0) -> Table:
    """Return the answers to a questionnaire: twenty columns, all of the same five values."""
    random = np.random.default_rng(seed)
    traits = random.normal(size=(n, 3))
    answers = [np.clip(np.rint(3 + traits[:, k % 3] + random.normal(0, 0.8, n)), 1, 5) for k in range(20)]
    return np.stack(answers, axis=1), (traits[:, 0] > 0).astype(np.int64)


ANSWERS_EDITED: dict[str, Callable[[np.ndarray, np.ndarray], Table]] = {
    "noise column and shuffled": lambda x, y: (
        np.column_stack([x, RANDOM.normal(size=len(x))])[RANDOM.permutation(len(x))],
        y,
    ),
    "halved and shuffled": lambda x, y: (x[RANDOM.permutation(len(x))[: len(x) // 2]], y[::2]),
    "dropped column and shuffled": lambda x, y: (x[RANDOM.permutation(len(x)), 1:], y),
    "standardised and shuffled": lambda x, y: (
        ((x - x.mean(axis=0)) / x.std(axis=0))[RANDOM.permutation(len(x))],
        1 - y,
    ),
    "signs changed, renamed and shuffled": lambda x, y: (
        np.column_stack([6 - x[:, ::2], x[:, 1::2]])[RANDOM.permutation(len(x))],
        y,
    ),
    "noise and halved": lambda x, y: ((x + RANDOM.normal(0, 1e-6, x.shape))[::2], y[::2]),
    "joined": lambda x, y: (np.concatenate([answered(seed=9)[0], x]), np.tile(y, 2)),
}


@pytest.mark.parametrize("edit", ANSWERS_EDITED.values(), ids=ANSWERS_EDITED)
def test_tables_of_few_values_are_recognised_by_half_of_a_row(
    edit: Callable[[np.ndarray, np.ndarray], Table],
) -> None:
    opened = Signature.from_bytes(sign(answered()).to_bytes(development=False))
    assert compare(opened, sign(edit(*answered()))).answer == SAME


def test_far_more_rows_of_one_source_are_not_the_opened_ones() -> None:
    assert compare(sign(answered(300)), sign(answered(5000, 1))).answer == UNKNOWN


def test_columns_of_few_values_have_the_same_quantiles_in_other_rows() -> None:
    one, other = (np.random.default_rng(seed).poisson(60, (100_000, 2)) for seed in range(2))
    labels = RANDOM.integers(0, 2, (2, len(one)))
    assert compare(sign((one, labels[0])), sign((other, labels[1]))).answer == UNKNOWN


def test_changed_signs_are_recognised() -> None:
    inputs, targets = measured()
    assert compare(sign((inputs, targets)), sign((5 - 2 * inputs[::-1], targets))).answer == SAME


def test_signatures_of_earlier_versions_are_compared() -> None:
    with np.load(BytesIO(sign(measured()).to_bytes(development=False))) as arrays:
        early = {name: arrays[name] for name in arrays.files if name not in ("named", "placed")}
    file = BytesIO()
    np.savez_compressed(file, **early)
    assert compare(Signature.from_bytes(file.getvalue()), sign(measured())).answer == SAME


def given(development: Table, test: Table) -> Signature:
    """The signature of data whose test part is a file of its own."""
    info = DataInfo("table", "classification", (development[0].shape[1],), ("no", "yes"))
    parts = [Content(x.astype(np.float32), y, info) for x, y in (development, test)]
    return signature_of(parts[0], parts[1], KEY)


@pytest.mark.parametrize("rows", [6, 40, 300, 1000])
def test_another_test_file_beside_the_same_training_file_is_unknown(rows: int) -> None:
    training = measured(2000)
    opened = given(training, measured(rows, seed=1))
    assert compare(opened, given(training, measured(rows, seed=2))).answer == UNKNOWN
    assert compare(opened, given(training, measured(2 * rows, seed=3))).answer == UNKNOWN


def test_a_test_file_is_recognised_by_its_labels_beside_any_training_file() -> None:
    test = measured(600, seed=1)
    others = (np.random.default_rng(2).normal(size=(600, 6)), test[1])  # other features of the same rows
    opened = given(measured(2000), test)
    assert compare(opened, given(measured(2000), others)).answer == SAME
    assert compare(opened, given(measured(1500, seed=5), others)).answer == SAME


def drifting(n: int, seed: int) -> Table:
    """Values that depend on the ones before, rounded so that many recur in other rows."""
    random = np.random.default_rng(seed)
    values = np.zeros((n, 6))
    for row in range(1, n):
        values[row] = 0.95 * values[row - 1] + random.normal(size=6)
    return np.round(values, 3), values.sum(axis=1) + random.normal(size=n)


def measured_numbers(table: Table) -> Signature:
    inputs, targets = table
    info = DataInfo("table", "regression", (inputs.shape[1],))
    whole = Content(inputs.astype(np.float32), np.round(targets, 2).astype(np.float32), info)
    return signature_of(*carve(whole, 0.2), KEY)


@pytest.mark.parametrize("times", [1, 2, 3, 5, 10])
def test_more_rows_of_rounded_values_are_not_the_opened_ones(times: int) -> None:
    opened = measured_numbers(drifting(2000, 0))
    answers = [compare(opened, measured_numbers(drifting(2000 * times, seed))).answer for seed in (50, 51)]
    assert SAME not in answers


@pytest.mark.parametrize("target", [lambda y: y, lambda y: 3 - 2 * y, lambda y: np.exp(y / 10)])
def test_numbers_to_predict_are_recognised_in_their_order(target: Callable[[np.ndarray], np.ndarray]) -> None:
    inputs, targets = drifting(2000, 0)
    opened = measured_numbers((inputs, targets))
    others = np.random.default_rng(1).normal(size=inputs.shape)  # other features of the same rows
    assert compare(opened, measured_numbers((others, target(targets)))).answer == SAME
    assert compare(opened, measured_numbers((others, drifting(2000, 9)[1]))).answer == UNKNOWN


def test_columns_that_count_rows_are_not_evidence() -> None:
    numbers = np.column_stack([np.arange(500), np.random.default_rng(1).integers(0, 5, 500)])
    others = np.column_stack([np.arange(500), np.random.default_rng(2).integers(0, 5, 500)])
    labels = np.repeat([0, 1], 250)
    assert compare(sign((numbers, labels)), sign((others, labels))).answer == UNKNOWN


def test_signatures_under_different_keys_have_nothing_in_common() -> None:
    one, other = sign(measured()), sign(measured(), bytes(32))
    assert not np.isin(one.columns & IDENTITY, other.columns & IDENTITY).any()
    assert not np.isin(one.keys & IDENTITY, other.keys & IDENTITY).any()


def test_images_are_recognised_by_their_hashes() -> None:
    small = np.random.default_rng(0).integers(0, 256, (100, 8, 8, 1), dtype=np.uint8)
    pixels = small.repeat(4, axis=1).repeat(4, axis=2)
    opened = Signature.from_bytes(images(pixels).to_bytes(development=False))
    assert compare(opened, images(pixels[::-1].repeat(2, axis=1).repeat(2, axis=2))).answer == SAME
    assert compare(opened, images(np.minimum(pixels, 254) + np.uint8(1))).answer == SAME
    strangers = np.random.default_rng(1).integers(0, 256, small.shape, dtype=np.uint8)
    assert compare(opened, images(strangers.repeat(4, axis=1).repeat(4, axis=2))).answer == UNKNOWN


def test_images_that_recur_in_one_data_set_are_not_the_opened_ones() -> None:
    random = np.random.default_rng(0)
    one, other = (np.ones((2, 300, 32, 32, 3)) * random.integers(0, 256, (2, 300, 1, 1, 1))).astype(np.uint8)
    assert compare(images(one), images(other)).answer != SAME
    drawn = random.integers(0, 256, (300, 32, 32, 3)).astype(np.uint8)
    assert compare(images(np.concatenate([drawn, one[:50]])), images(drawn[::-1])).answer == SAME


def test_texts_are_recognised_without_case_blanks_and_form() -> None:
    assert canonical_text(" Cafe\u0301  NOIR\n") == canonical_text("caf\u00e9 noir")


def test_numbers_are_reduced_to_sign_and_leading_digits() -> None:
    values = np.array([0.1, 100.0, -0.1, 0.0, np.nan, 0.99999994], np.float32)
    tokens = number_tokens(values)
    assert tokens[0] == tokens[1] == tokens[5]
    assert len(set(tokens.tolist())) == 4


def test_a_sketch_has_a_bounded_size_and_flags_both_parts() -> None:
    for tokens in (np.zeros(100_000, np.uint64), np.arange(100_000, dtype=np.uint64)):
        is_test = np.arange(len(tokens)) % 5 == 0
        sketch = sketched(tokens, is_test, KEY)
        assert len(sketch) == min(VALUES, len(np.unique(tokens)))
        assert sketch.nbytes <= 4096
    assert (sketched(np.zeros(10, np.uint64), np.arange(10) < 5, KEY) & np.uint64(3)) == TEST | DEVELOPMENT


def prose(change: Callable[[str], str]) -> Signature:
    words = [f"word{k}" for k in range(300)]
    random = np.random.default_rng(0)
    texts = [change(" ".join(random.choice(words, 14))) for _ in range(300)]
    info = DataInfo("table", "classification", (1,), ("no", "yes"))
    counts = np.array([[len(text)] for text in texts], np.float32)
    traits = (np.array(texts, object),)
    development, test = carve(Content(counts, np.repeat([0, 1], 150), info, traits=traits), 0.2)
    return signature_of(development, test, KEY)


@pytest.mark.parametrize(
    "change", [str.upper, lambda text: f"  {text.replace(' ', '  ')} ", lambda text: text[: -len("word1")]]
)
def test_edited_texts_are_the_same(change: Callable[[str], str]) -> None:
    assert compare(prose(str), prose(change)).answer == SAME
