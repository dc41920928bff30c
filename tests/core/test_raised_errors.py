"""Errors of user code in words."""

from pathlib import Path

import pytest

from hpo.core.raised_errors import error_text, with_line


def fails():
    raise KeyError("rate")


def test_an_error_is_followed_by_the_line_that_raised_it():
    with pytest.raises(KeyError) as caught:
        fails()
    line = fails.__code__.co_firstlineno + 1
    assert error_text(caught.value) == "KeyError: 'rate'"
    assert with_line("no rate", caught.value) == f"no rate (line {line} of {Path(__file__)})"
