"""Numbers that are written for people are numbers, with a word about it, and never categories in silence."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hpo.core.errors import UserError
from trainables.data.column_choices import ColumnChoices
from trainables.data.content import SourcePaths
from trainables.data.table_source import TableFile, open_csv
from trainables.data.written_numbers import Notation, notation_of

N = 60


@pytest.mark.parametrize(
    ("texts", "numbers", "words"),
    [
        (["$5", "$1,200", "-$3"], [5, 1200, -3], "the currency sign $, thousands separators"),
        (["5 €", "7.5 €"], [5, 7.5], "the currency sign €"),
        (["12%", "5.5%"], [12, 5.5], "percent signs"),
        (["1,234", "900", "1,234,567.5"], [1234, 900, 1234567.5], "thousands separators"),
        (["1,00,000", "12,34,567.5", "900"], [100000, 1234567.5, 900], "Indian groups of digits"),
        (["\u20b95", "\u20b91,00,000"], [5, 100000], "the currency sign \u20b9, Indian groups of digits"),
        (["1_000", "12_000"], [1000, 12000], "thousands separators"),
        (["1 000", "12 000"], [1000, 12000], "thousands separators"),
        (["(5)", "7"], [-5, 7], "parentheses for negative numbers"),
        (["\u22125", "6"], [-5, 6], "typographic minus signs"),
        (["\u0661\u0662", "7"], [12, 7], "digits of another script"),
        (["0,640", "2,5"], [0.64, 2.5], "decimal commas"),
        (["1.234,5", "2,5"], [1234.5, 2.5], "decimal commas, thousands separators"),
        (["2020-01-02T12:00Z"], [18263.5], "dates with a time zone, as days since 1970 in UTC"),
        (["2020-01-02T12:00+02:00"], [18263 + 10 / 24], "dates with a time zone, as days since 1970 in UTC"),
    ],
)
def test_what_people_write_is_read(texts: list[str], numbers: list[float], words: str) -> None:
    column = pa.array([*texts, None])
    notation = notation_of(column, None, ",")
    assert isinstance(notation, Notation)
    np.testing.assert_allclose(notation.numbers(column), [*numbers, np.nan])
    assert notation.described() == words


@pytest.mark.parametrize(
    "texts", [["red", "blue"], ["<=50K", ">50K"], ["p1", "p2"], ["-", "$"], ["12a", "12"]]
)
def test_other_texts_are_left_alone(texts: list[str]) -> None:
    assert notation_of(pa.array(texts), None, ",") is None


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["$5", "€5"], "some values have the unit €, others \\$"),
        (["12%", "5"], "some values have the unit %, others none"),
        ([*(f"${n}" for n in range(30)), "free"], "its values are numbers except for 'free'"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(tmp_path: Path, texts: list[str], words: str) -> None:
    with pytest.raises(UserError, match=f"column x: {words}; correct it, or list x under"):
        table(tmp_path, [texts[k % len(texts)] for k in range(N)]).development()


def table(base: Path, x: list[str], y: list[str] | None = None, **arguments: Any) -> TableFile:
    y = y or ["no", "yes"] * (N // 2)
    random = np.random.default_rng(0)
    sign = arguments.get("delimiter", ",")
    rows = [f'"{a}"{sign}{random.normal():.3f}{sign}"{b}"' for a, b in zip(x, y, strict=True)]
    (base / "t.csv").write_text("\n".join([f"x{sign}k{sign}y", *rows, ""]))
    return open_csv(SourcePaths(base, base), file="t.csv", target="y", **arguments)


def test_a_column_is_read_with_a_word_and_can_stay_a_category(tmp_path: Path) -> None:
    amounts = [f"${1 + k % 12}" for k in range(N)]
    found = table(tmp_path, amounts).development()
    assert "x" not in found.info.categories
    assert found.inputs[:, 0].max() == 12
    assert (
        "column x: values such as '$1' are read as numbers (the currency sign $); to keep the texts"
        in (found.warnings[1])
    )
    kept = table(tmp_path, amounts, categorical=("x",)).development()
    assert len(kept.info.categories["x"]) == 12
    assert len(kept.warnings) == 1


@pytest.mark.parametrize("form", ["{},00,000", "\u20b9{}"])
def test_a_search_of_the_seventh_reader_keeps_indian_numbers_as_texts(tmp_path: Path, form: str) -> None:
    newest = table(tmp_path, [form.format(k % 9) for k in range(N)])
    earlier = replace(newest, reader=7)
    assert "x" in earlier.development().info.categories
    assert "x" not in newest.development().info.categories
    np.testing.assert_array_equal(earlier.development().positions, newest.development().positions)


def test_no_row_moves_and_no_digest_changes(tmp_path: Path) -> None:
    amounts = [f"${k}" for k in range(N)]
    now, before = (
        TableFile(tmp_path / "t.csv", "y", "csv", choices=ColumnChoices(categorical=names), reader=reader)
        for names, reader in (((), 3), (("x",), 1))
    )
    table(tmp_path, amounts)
    for one, other in ((now.development(), before.development()), (now.test(), before.test())):
        np.testing.assert_array_equal(one.positions, other.positions)
        np.testing.assert_array_equal(one.digests(), other.digests())


def test_data_is_recognised_by_its_numbers_however_they_are_written(tmp_path: Path) -> None:
    for texts in ([f"{k},5" for k in range(N)], [f"{k}.5" for k in range(N)], [f"${k}.5" for k in range(N)]):
        source = table(tmp_path, texts, delimiter=";")
        parts = [source.development(), source.test()]
        number = parts[0].names.index("x")
        values = np.concatenate([part.traits[number] for part in parts])
        np.testing.assert_array_equal(np.sort(values), np.arange(N) + 0.5)


def test_a_search_on_record_reads_its_texts_as_before(tmp_path: Path) -> None:
    table(tmp_path, [f"${1 + k % 12}" for k in range(N)])
    assert "x" in TableFile(tmp_path / "t.csv", "y", "csv", reader=2).development().info.categories


def test_a_comma_between_digits_is_asked_for_where_it_can_mean_both(tmp_path: Path) -> None:
    amounts = [f"{1 + k},{100 + k}" for k in range(N)]
    with pytest.raises(UserError, match="'1,100' can have a decimal comma or thousands; set `decimal`"):
        table(tmp_path, amounts, delimiter=";").development()
    assert table(tmp_path, amounts, delimiter=";", decimal=",").development().inputs[0, 0] < 100
    assert table(tmp_path, amounts, delimiter=";", decimal=".").development().inputs[0, 0] > 1000
    assert table(tmp_path, amounts).development().inputs[0, 0] > 1000


@pytest.mark.parametrize("form", ["{:+.2f}", "{:_}", "{:,}", "${}"])
def test_a_target_that_is_written_for_people_is_regression(tmp_path: Path, form: str) -> None:
    values = [1000 * (1 + k % 14) for k in range(N)]
    found = table(tmp_path, [str(k / 7) for k in range(N)], [form.format(v) for v in values]).development()
    assert found.info.task == ("classification" if form == "{:+.2f}" else "regression")
    assert set(found.targets.tolist()) <= (set(range(14)) | set(map(float, values)))


def test_a_value_of_the_test_part_that_is_written_otherwise_is_named_without_it(tmp_path: Path) -> None:
    table(tmp_path, [f"${k}" for k in range(N)])
    (tmp_path / "test.csv").write_text("x,k,y\n$1,0.5,no\nsecret,0.5,yes\n")
    one = TableFile(tmp_path / "t.csv", "y", "csv", test_file=tmp_path / "test.csv")
    with pytest.raises(
        UserError, match=r"column x is written differently than .* row 2 of .*test.csv; 1"
    ) as caught:
        one.test()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("share", [4, 2])
def test_marks_of_missing_values_are_not_categories(tmp_path: Path, share: int) -> None:
    ages = ["?" if k % share == 0 else str(20 + k % 40) for k in range(N)]
    with pytest.raises(UserError, match=r"column x is numeric except for row .*'\?'.*add it to `missing`"):
        table(tmp_path, ages).development()
    assert "x" not in table(tmp_path, ages, missing=("?",)).development().info.categories
    assert "x" in table(tmp_path, ages, categorical=("x",)).development().info.categories


@pytest.mark.parametrize("text", ["inf", "-Infinity", "1e39", "1e400"])
def test_an_infinite_number_is_named_with_its_row_of_the_file(tmp_path: Path, text: str) -> None:
    numbers = [text if k in (35, 36, 37) else str(k) for k in range(N)]
    with pytest.raises(
        UserError, match=r"column x is infinite or beyond single precision in row 3[678] of .*t.csv"
    ):
        table(tmp_path, numbers).development()


@pytest.mark.parametrize(
    ("usual", "text", "number"),
    [(5, "-999", "-999"), (5, "-9.0", "-9"), (9, "9999", "9999"), (2, "99", "99")],
)
def test_a_number_that_may_stand_for_a_missing_value_is_named(
    tmp_path: Path, usual: int, text: str, number: str
) -> None:
    values = [text if k % 10 == 0 else str(k % usual) for k in range(N)]
    sentence = f"values are {number}, the others 0 to {usual - 1}; if it stands for a missing value, "
    warnings = table(tmp_path, values).development().warnings
    assert any(f"{sentence}add '{text}' to `missing`" in warning for warning in warnings)
    found = table(tmp_path, values, missing=[text]).development()
    assert np.isnan(found.inputs).any()
    assert not any(sentence in warning for warning in found.warnings)


@pytest.mark.parametrize(
    "values",
    [
        [str(99 if k % 10 == 0 else k) for k in range(N)],  # not far from the others
        ["-999" if k == 7 else str(k % 5) for k in range(N)],  # once
        [str(999 * (k % 2)) for k in range(N)],  # one of two values
    ],
)
def test_other_extreme_numbers_are_values(tmp_path: Path, values: list[str]) -> None:
    warnings = table(tmp_path, values).development().warnings
    assert not any("stands for a missing value" in warning for warning in warnings)


def test_a_target_that_may_be_missing_is_named(tmp_path: Path) -> None:
    target = ["-999" if k % 10 == 0 else f"{k}.5" for k in range(N)]
    found = table(tmp_path, [str(k % 7) for k in range(N)], target)
    assert found.development().warnings[-1].startswith("the target y: ")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([str(k + 1) for k in range(N)], "column x is the number of the row"),
        ([str((7 * k) % 60 + 1) for k in range(N)], "column x has a different whole number in every row"),
        (
            [str(1_700_000_000_000 + 7 * k % 97) for k in range(N)],
            "column x: single precision would round its values by up to",
        ),
    ],
)
def test_suspicious_columns_are_named(tmp_path: Path, values: list[str], words: str) -> None:
    assert any(words in warning for warning in table(tmp_path, values).development().warnings)


def test_usual_columns_are_not_suspicious(tmp_path: Path) -> None:
    for values in (
        [str(k % 9) for k in range(N)],
        [f"{1e-19 * k:g}" for k in range(N)],
        [f"{k}.5" for k in range(N)],
    ):
        assert len(table(tmp_path, values).development().warnings) == 1
