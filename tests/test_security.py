"""SECURITY.md names tests that exist, and says of each whether it acts as another user or is slow."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROWS = re.findall(r"^\| (?!what|---)(.+) \| (.+) \|$", (ROOT / "SECURITY.md").read_text(), re.M)
NAMED = [(line, *found) for line, tests in ROWS for found in re.findall(r"(\**)`([^`]+)::(\w+)`(\**)", tests)]


def test_every_line_names_a_test():
    assert len(ROWS) >= 15
    assert {line for line, *_ in NAMED} == {line for line, _ in ROWS}


@pytest.mark.parametrize(("line", "before", "file", "name", "after"), NAMED)
def test_a_named_test_exists_and_is_of_the_kind_that_it_is_said_to_be(line, before, file, name, after):
    source = (ROOT / file).read_text()
    (function,) = [
        node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    assert before == after
    as_nobody = len(before) in (2, 3)
    assert not as_nobody or "nobody" in source
    marks = [ast.unparse(mark) for mark in function.decorator_list]
    marks += [ast.unparse(node.value) for node in ast.parse(source).body if _sets_marks(node)]
    slow = any(re.search(r"mark\.slow\b(?!.*pytest\.param)", mark) for mark in marks if "param" not in mark)
    assert slow == (len(before) in (1, 3))


def _sets_marks(node):
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
