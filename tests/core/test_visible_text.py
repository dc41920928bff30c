"""Control characters are shown escaped, and everything else as it is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.core.visible_text import CONTROL, markdown, one_line, visible, visible_json


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b31m", r"\x9b31m"),
        ("a\rb", r"a\rb"),
        ("bell\x07", r"bell\x07"),
        ("\u202etxt.exe", r"\u202etxt.exe"),
        ("file\udc80", r"file\udc80"),
        ("line\u2028end", r"line\u2028end"),
        ("two\nlines\r\nand\ta tab", "two\nlines\r\nand\ta tab"),
        ("Grüße 你好 👩‍💻 می‌خواهم", "Grüße 你好 👩‍💻 می‌خواهم"),
        (r"C:\temp", r"C:\temp"),
    ],
)
def test_control_characters_are_escaped_and_nothing_else(text, shown):
    assert visible(text) == shown


def test_line_ends_and_tabs_are_escaped_where_a_text_has_one_line():
    assert one_line("a\nb\r\nc\td\x1b") == r"a\nb\r\nc\td\x1b"


@given(st.text(st.characters()))
def test_no_control_character_is_left_and_the_second_time_changes_nothing(text):
    for shown in (visible(text), one_line(text)):
        assert not CONTROL.search(shown)
        shown.encode()
        assert visible(shown) == shown


@given(st.dictionaries(st.text(st.characters()), st.text(st.characters())))
def test_json_keeps_its_meaning(value):
    document = visible_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(document) == value
    assert not CONTROL.search(document)


def test_markdown_shows_elements_links_and_images_as_text():
    assert (
        markdown("<img src=x> & ![seen](http://there)") == "&lt;img src=x&gt; &amp; !&#91;seen](http://there)"
    )
