"""Texts and items of varying shape are known again however long others of their part are."""

from pathlib import Path

import numpy as np
import pytest

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.core.likeness import SAME
from hpo.data import prepared, source_reading
from hpo.data.likeness import compare
from hpo.data.signature import Signature
from trainables.data import map_style
from trainables.data.content import SourcePaths
from trainables.data.user_sources import UserSource

KEY = bytes(range(32))
CODE = """
import zlib

import numpy as np

WORDS = np.random.default_rng(0).integers(0, 3000, (600, 12))
TEXTS = [" ".join(f"w{word}" for word in row) for row in WORDS]

def rows(part, longest):
    return TEXTS[:300] if part == "development" else [*TEXTS[290:], "x" * longest]

def arrays(part, longest):
    texts = np.array(rows(part, longest))
    return texts, np.arange(len(texts)) % 2

def octets(part, longest):
    texts, labels = arrays(part, longest)
    return np.char.encode(texts), labels

def columns(part, longest):
    texts, labels = arrays(part, longest)
    return {"inputs": np.stack([texts, texts[::-1]], 1), "targets": labels, "kind": "array"}

def table(part, longest):
    return tuple(columns(part, longest)[name] for name in ("inputs", "targets"))

def texts(part, longest):
    return [{"text": text, "label": row % 2} for row, text in enumerate(rows(part, longest))]

def fields(part, longest):
    return [{**item, "size": len(item["text"])} for item in texts(part, longest)]

def series(part, longest):
    return [(np.arange(1.0 + len(text) % 9) + zlib.crc32(text.encode()), row % 2)
            for row, text in enumerate(rows(part, longest))]
"""
FUNCTIONS = ("arrays", "octets", "texts", "fields", "series")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "texts_source.py").write_text(CODE)
    return tmp_path


def read(base: Path, function: str, longest: int = 90) -> prepared.Prepared:
    source = f"texts_source:{function}"
    folder = source_reading.read_source(source, {"longest": longest}, Home(base / "home"), base, KEY)
    data = prepared.read(folder)
    assert data is not None
    return data


@pytest.mark.parametrize("function", FUNCTIONS)
def test_rows_that_are_also_in_the_test_part_are_found(base, function):
    data = read(base, function)
    assert prepared.mapped(data.test.copies).tolist() == list(range(290, 300))


@pytest.mark.parametrize("function", FUNCTIONS[:-1])
def test_a_longer_row_leaves_the_digests_of_others_as_they_are(base, function):
    ours, theirs = (prepared.mapped(read(base, function, longest).test.digests) for longest in (90, 200))
    assert len(np.intersect1d(ours[:, 0], theirs[:, 0])) == 310


def test_texts_in_two_columns_differ_if_one_does(base):
    data = read(base, "columns")
    assert len(prepared.mapped(data.test.copies)) == 0
    assert len(np.unique(data.digests()[0], axis=0)) == 300


def test_a_table_of_texts_is_refused_with_what_can_be_returned(base):
    with pytest.raises(UserError, match=r"inputs of texts, \[300, 2\].*list of dictionaries"):
        read(base, "table")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_large_items_in_their_place_are_found_too(base, monkeypatch, function):
    monkeypatch.setattr(map_style, "LEAST", 1)
    monkeypatch.setattr(map_style, "anonymous_bytes", lambda: 0)
    assert prepared.mapped(read(base, function).test.copies).tolist() == list(range(290, 300))


@pytest.mark.parametrize("function", ["arrays", "texts", "fields"])
def test_a_test_part_that_an_earlier_version_opened_is_recognised(base, monkeypatch, function):
    now = read(base, function)
    monkeypatch.setattr(map_style, "TEXTS_BY_CONTENT", 99)
    monkeypatch.setattr("trainables.data.user_sources.TEXTS_BY_CONTENT", 99)
    earlier = read(base, function)
    assert earlier.test.fingerprint != now.test.fingerprint
    signatures = [
        Signature.from_bytes(prepared.signature_file(data.folder, KEY).read_bytes())
        for data in (earlier, now)
    ]
    assert compare(*signatures).answer == SAME


@pytest.mark.parametrize("function", ["arrays", "texts", "fields"])
def test_a_search_on_record_digests_texts_as_it_did_at_first(base, function):
    def digests(reader: int) -> list[list[int]]:
        paths = SourcePaths(base, base, reader=reader)
        source = UserSource.of(f"texts_source:{function}", {"longest": 90}, paths)
        return source.development().digests().tolist()

    assert digests(7) == digests(8) != digests(9)
