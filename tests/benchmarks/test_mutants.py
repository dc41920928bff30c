"""A planted fault changes the code only at its own position."""

import ast

import pytest

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


def test_the_score_counts_unexecuted_faults_and_excludes_untried_ones():
    outcomes = ["noticed"] * 3 + ["unnoticed", "not executed", "left out"]
    trials = [Trial("core", "a.py", n, "sign", "+", "-", each, 1, 0.1) for n, each in enumerate(outcomes)]
    assert table(trials).splitlines()[-1] == "| core | 6 | 3 | 1 | 1 | 1 | 60% |"
