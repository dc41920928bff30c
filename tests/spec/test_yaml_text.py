"""YAML 1.2 is read into plain values with lines; anything else is refused quickly."""

from pathlib import Path

import pytest

from hpo.core.errors import InvalidSpec
from hpo.spec import yaml_text
from hpo.spec.yaml_text import parse_text, read_text


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-4", 1e-4),
        ("1E5", 1e5),
        ("-.5", -0.5),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("+3", 3),
        ("1.", 1.0),
        ("no", "no"),
        ("yes", "yes"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ('"null"', "null"),
        ("2026-01-01", "2026-01-01"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("|\n  1", "1\n"),
    ],
)
def test_plain_scalars_follow_the_core_schema(written: str, value: object) -> None:
    read = parse_text(f"a: {written}\n", "x").value["a"]
    assert read == value
    assert type(read) is type(value)


def test_json_is_yaml() -> None:
    assert parse_text('{"a": [1, 2.5, {"b": null}], "c": "d"}', "x").value == {
        "a": [1, 2.5, {"b": None}],
        "c": "d",
    }


def test_keys_are_strings() -> None:
    assert parse_text("1: a\nno: b\nnull: c\n", "x").value == {"1": "a", "no": "b", "null": "c"}


def test_every_field_has_its_line() -> None:
    read = parse_text("# a comment\na:\n  b: [1,\n    2]\n\nc: 3\n", "x")
    assert read.lines["a",] == 2
    assert read.lines["a", "b"] == 3
    assert read.lines["a", "b", 1] == 4
    assert read.lines["c",] == 6


def test_faults_that_do_not_end_the_reading_are_reported_together() -> None:
    read = parse_text("a: 1\na: 2\nb: .nan\nc: 1e999\nd: !!python/name:os.system x\ne: {f: 1, f: 2}\n", "x")
    assert [(fault.line, fault.path) for fault in read.faults] == [
        (2, "a"),
        (3, "b"),
        (4, "c"),
        (5, "d"),
        (6, "e.f"),
    ]
    assert "the first one is on line 1" in read.faults[0].message


def test_an_alias_has_the_value_of_its_anchor() -> None:
    assert parse_text("a: &x [1, 2]\nb: *x\n", "x").value == {"a": [1, 2], "b": [1, 2]}


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (BOMB, "aliases counted each time"),
        ("[" * 5_000, "nested more than"),
        ("{a: " * 5_000, "nested more than"),
        ("- " * 5_000 + "a", "nested more than"),
        ("[" + "1, " * 20_000 + "]", "contains more than"),
        (b"a: \xff\xfe", "not UTF-8"),
        (b"a: b\0c", "NUL"),
        ("x" * (yaml_text.MAX_BYTES + 1), "bytes"),
        ("a: *nothing", "has no earlier anchor"),
        ("a: &a [*a]", "has no earlier anchor"),
        ("a: 1\n---\nb: 2", "second document"),
        ("", "is empty"),
        ("# nothing\n", "is empty"),
        ("a: [1, 2", "is not YAML"),
        ("a: 'x", "is not YAML"),
        ("a:\n\t- x", "is not YAML"),
        ("a: @x", "is not YAML"),
        ('a: "\\UFFFFFFFF"', "is not YAML"),
        ("%YAML 9.9\n---\na: 1", "is not YAML"),
        ("? [a, b]\n: c", "a key is not a string"),
    ],
)
def test_anything_but_a_plain_document_is_refused(content: str | bytes, words: str) -> None:
    with pytest.raises(InvalidSpec, match=words):
        parse_text(content, "x")


def test_endless_digits_are_a_fault() -> None:
    assert parse_text("a: " + "9" * 100_000, "x").faults


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (
        tmp_path / "none.yaml",
        tmp_path,
        Path("/dev/zero"),
        tmp_path / ("x" * 300),
        tmp_path / "a\0b",
    ):
        with pytest.raises(InvalidSpec):
            read_text(path)


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_text(tmp_path / "a.yaml").value == {"a": 1}


@pytest.mark.parametrize("number", ["9" * 400, "-" + "9" * 400, "9" * 19])
def test_integers_that_are_too_large_are_faults(number: str) -> None:
    (fault,) = parse_text(f"width: {number}\n", "x").faults
    assert fault.path == "width"
    assert "is too large" in fault.message
