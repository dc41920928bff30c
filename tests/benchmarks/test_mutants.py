"""A planted fault changes the code only at its own position."""

import ast

import pytest

from benchmarks import mutation
from benchmarks.mutants import mutants
from benchmarks.mutation import Trial, draw, files_of, table

SOURCE = '''"""Text with 1 < 2."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nowhere import Thing


def pick(values: "list[int]", least: int = 3) -> "dict[str, int] | None":
    """Return é, 1 < 2."""
    if not values or len(values) < least:
        raise ValueError(f"é {least + 1}")
    best = {"é": max(values), "low": -min(values)}
    print(best)
    return best
'''


def changes(kind):
    return [(mutant.line, mutant.before, mutant.after) for mutant in mutants(SOURCE) if mutant.kind == kind]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("comparison", [(11, "<", "<=")]),
        ("constant", [(9, "3", "4")]),
        ("sign", [(13, "-min(values)", "min(values)")]),
        ("raise", [(12, 'raise ValueError(f"é {least + 1}")', "pass")]),
        ("statement", [(14, "print(best)", "pass")]),
        ("return", [(15, "return best", "return None")]),
        ("keys", [(13, 'max(values), "low": -min(values)', '-min(values), "low": max(values)')]),
        (
            "condition",
            [
                (11, "not values or len(values) < least", "not (not values or len(values) < least)"),
                (11, "or", "and"),
                (11, "not values", "bool(values)"),
            ],
        ),
    ],
)
def test_each_kind_of_fault(kind, expected):
    assert changes(kind) == expected


def test_every_fault_parses_and_changes_one_position():
    for mutant in mutants(SOURCE):
        changed = mutant.applied(SOURCE)
        ast.parse(changed)
        assert changed != SOURCE
        assert len(changed) == len(SOURCE) - len(mutant.before) + len(mutant.after)


@pytest.mark.slow
def test_a_draw_depends_only_on_its_number():
    assert draw("core", 5, seed=1) == draw("core", 5, seed=1)
    assert draw("core", 5, seed=1) != draw("core", 5, seed=2)
    assert all(file.startswith("hpo/core/") for file, _ in draw("core", 5, seed=1))
    assert files_of("trainables")


def test_the_score_counts_unexecuted_faults_and_excludes_equivalent_and_untried_ones(monkeypatch):
    monkeypatch.setattr(mutation, "equivalent", lambda: {("a.py", "x * y", "*", "/")})
    outcomes = ["noticed"] * 3 + ["unnoticed", "not executed", "left out"]
    trials = [Trial("core", "a.py", n, "sign", "+", "-", each, 1, 0.1) for n, each in enumerate(outcomes)]
    same = ("core", "a.py", 7, "sign", "*", "/")
    trials += [Trial(*same, each, 1, 0.1, "", "x * y") for each in ("unnoticed", "noticed")]
    trials += [Trial(*same, "unnoticed", 1, 0.1, "", "x * z")]
    assert table(trials).splitlines()[-1] == "| core | 9 | 4 | 2 | 1 | 1 | 1 | 57% |"


def test_every_fault_called_equivalent_has_a_reason_and_stands_in_the_code():
    listed = mutation.equivalent()
    found = set()
    for file in {row[0] for row in listed}:
        source = (mutation.ROOT / file).read_text()
        lines = source.splitlines()
        found |= {(file, lines[each.line - 1].strip(), each.before, each.after) for each in mutants(source)}
    assert listed <= found


@pytest.mark.parametrize(("number", "noticed"), [(1, ""), (2, "test_it.py::test_number")])
def test_the_first_failing_test_is_named(tmp_path, number, noticed):
    (tmp_path / "planted.py").write_text(f"NUMBER = {number}\n")
    (tmp_path / "test_it.py").write_text("import planted\n\ndef test_number(): assert planted.NUMBER == 1\n")
    assert mutation._failed_here(tmp_path, ["test_it.py"], 100) == noticed


def test_tests_are_chosen_by_the_statement_around_a_line(tmp_path, monkeypatch):
    (tmp_path / "it.py").write_text(
        "LIMIT = 3\n\ndef f(x):\n    if x:\n        return (\n            x + 1\n        )\n"
    )
    monkeypatch.setattr(mutation, "ROOT", tmp_path)
    assert [mutation._statement("it.py", line) for line in (1, 3, 4, 6)] == [
        None,
        None,
        range(4, 5),
        range(5, 8),
    ]
