"""Tests reach their helpers in one way, by the path from the root of the repository."""

import ast
from pathlib import Path

TESTS = Path(__file__).parent


def imported(file):
    """(line, module) of every import in a file."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


def test_helpers_are_imported_by_their_path_from_the_root():
    files = sorted(TESTS.rglob("*.py"))
    helpers = {file.stem for file in files}
    astray = [
        f"{file.relative_to(TESTS)}:{line} imports {module}"
        for file in files
        for line, module in imported(file)
        if module.startswith(".") or module.split(".")[0] in helpers
    ]
    assert astray == []
