"""No row that is on record ever changes sides, whatever is done to the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.core.errors import UserError
from hpo.data.cut import Cut
from hpo.data.stable_cut import StableCut
from trainables.data.digests import row_digests
from trainables.data.held_out import first_cut
from trainables.data.uncut import READER, Uncut

N = 200


def rows(
    table: np.ndarray, rule: str = "rows", share: float = 0.2, extra: Sequence[np.ndarray] = ()
) -> Uncut:
    """Rows of a table whose last column holds groups or times."""
    content = row_digests(table.astype(np.float32))
    columns = [*table.T, *extra]
    return Uncut(
        content,
        share,
        labels=(table[:, 0] > 0).astype(np.int64) if rule == "rows" else None,
        groups=table[:, -1].astype(np.int64) if rule == "groups" else None,
        times=table[:, -1] if rule == "time" else None,
        columns=lambda: columns,
    )


def drawn(n: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    table = random.normal(size=(n, 10))
    table[:, -1] = random.integers(0, max(4, n // 5), n)
    return table


def sides(table: np.ndarray, mask: np.ndarray) -> dict[bytes, bool]:
    return {row.tobytes(): bool(test) for row, test in zip(table, mask, strict=True)}


def cut_of(uncut: Uncut) -> Cut:
    cutter = StableCut()
    cutter(uncut)
    assert cutter.made is not None
    return Cut.from_bytes(cutter.made.to_bytes())


@pytest.mark.parametrize("rule", ["rows", "groups", "time"])
@given(seed=st.integers(0, 999), kept=st.floats(0.3, 1), added=st.integers(0, 2 * N), steps=st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_rows_added_removed_and_reordered_never_move_a_known_row(
    rule: str, seed: int, kept: float, added: int, steps: int
) -> None:
    table = drawn(N, seed)
    cutter = StableCut()
    known = sides(table, cutter(rows(table, rule)))
    assert cutter.made is not None
    cuts = [Cut.from_bytes(cutter.made.to_bytes())]
    random, refused = np.random.default_rng(seed + 1), ""
    for step in range(steps):
        table = table[random.random(len(table)) < kept]
        table = random.permutation(np.concatenate([table, drawn(added, seed + 2 + step)]))
        cutter = StableCut(opened=cuts)
        try:
            mask = cutter(rows(table, rule))
        except UserError as error:
            refused = str(error)
            break
        now = sides(table, mask)
        assert {row: side for row, side in now.items() if row in known and known[row] != side} == {}
        known |= now
        assert cutter.made is not None
        cuts.append(cutter.made)
        if rule == "groups":
            assert not np.isin(table[mask, -1], table[~mask, -1]).any()
    if refused:  # no part may be empty; so the rows on record that are left lie on one side
        assert "leaves one of the two parts empty" in refused
        assert len({known[row.tobytes()] for row in table if row.tobytes() in known}) < 2


def test_the_first_cut_is_as_it_was_before_cuts_were_recorded() -> None:
    for rule in ("rows", "groups", "time"):
        uncut = rows(drawn(N, 0), rule)
        assert (StableCut()(uncut) == first_cut(uncut)).all()


def test_new_rows_fall_by_their_own_hash() -> None:
    table = drawn(20_000, 3)
    cut = cut_of(rows(table[:10_000]))
    mask = StableCut(others=[cut])(rows(table))
    assert mask[10_000:].mean() == pytest.approx(0.2, abs=0.015)
    fewer = StableCut(others=[cut])(rows(table[:15_000]))
    assert (mask[:15_000] == fewer).all()


def test_new_rows_that_equal_a_row_on_record_fall_beside_it() -> None:
    table = drawn(N, 4)
    cutter = StableCut()
    test = cutter(rows(table))
    digests = np.concatenate([row_digests(table.astype(np.float32))] * 2)
    columns = [*np.concatenate([table, table]).T, np.repeat([0.0, 1.0], N)]  # a target that is another
    uncut = Uncut(digests, 0.2, labels=np.repeat([0, 1], N), columns=lambda: columns)
    mask = StableCut(opened=[cutter.made])(uncut)
    assert (mask[:N] == test).all()
    assert (mask[N:] == test).all()
    earlier = StableCut(opened=[cutter.made])(replace(uncut, reader=5))
    assert (earlier[:N] == test).all()
    assert (earlier[N:] != test).any()


@pytest.mark.parametrize(
    "edit",
    [
        lambda table: (table.astype(np.float32).astype(np.float64), []),
        lambda table: (table[:, ::-1], []),
        lambda table: (table[:, [0, 1, 2, 3, 5, 6, 7, 8, 9]], []),
        lambda table: (table, [np.ones(len(table))]),
        lambda table: (table, [np.arange(float(len(table)))]),
        lambda table: (table * ([1, 1, 1000] + [1] * 7), []),
    ],
    ids=["float32", "moved", "dropped", "constant", "counter", "scaled"],
)
@pytest.mark.parametrize("order", ["kept", "shuffled", "halved", "joined"])
def test_rows_are_known_after_edits_of_columns(edit, order) -> None:
    table = drawn(N, 5)
    cutter = StableCut()
    test = cutter(rows(table))
    number = np.random.default_rng(0).permutation(2 * N)
    number = {"kept": np.arange(N), "shuffled": number[number < N], "halved": number[number < N // 2]}.get(
        order, number
    )
    whole = np.concatenate([table, drawn(N, 6)])
    edited, extra = edit(whole)
    mask = StableCut(opened=[cutter.made])(rows(edited[number], extra=[column[number] for column in extra]))
    known = number < N
    assert (mask[known] == test[number[known]]).all()


def test_rows_are_known_by_number_in_the_same_file_although_it_is_read_differently() -> None:
    table = drawn(N, 7)
    uncut = replace(rows(table), file="abc")
    cut = cut_of(uncut)
    otherwise = replace(rows(np.round(table, 1)), file="abc")
    assert (StableCut(others=[cut])(otherwise) == cut.test).all()
    assert not (first_cut(otherwise) == cut.test).all()


def test_an_id_is_the_best_key() -> None:
    table = drawn(N, 8)
    ids = np.array([f"row {number}" for number in range(N)])
    cut = cut_of(replace(rows(table), ids=ids))
    order = np.random.default_rng(0).permutation(N)
    measured_anew = replace(rows(table[order] + 1), ids=ids[order])
    assert (StableCut(others=[cut])(measured_anew) == cut.test[order]).all()


def test_a_date_is_frozen() -> None:
    table = drawn(N, 9)
    table[:, -1] = np.arange(N)
    cut = cut_of(rows(table, "time"))
    assert cut.border == 160
    later = drawn(100, 10)
    later[:, -1] = np.arange(110, 210)
    mask = StableCut(others=[cut])(rows(np.concatenate([table, later]), "time"))
    assert mask[N:].tolist() == (later[:, -1] >= 160).tolist()


def test_another_rule_or_share_cuts_anew() -> None:
    table = drawn(N, 11)
    cut = cut_of(rows(table))
    for uncut in (rows(table, "groups"), rows(table, "time"), rows(table, share=0.3)):
        assert (StableCut(opened=[cut])(uncut) == first_cut(uncut)).all()


def test_data_that_only_resembles_is_cut_for_the_first_time() -> None:
    cut = cut_of(rows(drawn(N, 12)))
    uncut = rows(drawn(N, 13))
    assert (StableCut(opened=[cut], others=[cut])(uncut) == first_cut(uncut)).all()


def test_rows_of_an_opened_part_stay_sealed_in_mostly_new_data() -> None:
    table = drawn(N, 14)
    cut = cut_of(rows(table))
    joined = np.concatenate([drawn(20 * N, 15), table[cut.test]])
    mask = StableCut(opened=[cut])(rows(joined))
    assert mask[20 * N :].all()


def test_a_cut_survives_its_file() -> None:
    cut = cut_of(replace(rows(drawn(N, 16)), ids=np.arange(N).astype(str), file="x"))
    again = Cut.from_bytes(cut.to_bytes())
    assert (again.rule, again.share, again.file, again.reader, again.digest) == ("rows", 0.2, "x", READER, 1)
    assert np.isnan(again.border)
    for name in ("test", "keys", "checks", "ids"):
        np.testing.assert_array_equal(getattr(again, name), getattr(cut, name))
    assert len(cut.to_bytes()) < N * (32 + 8 + 1) + 2000
