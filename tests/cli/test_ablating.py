"""The table of an ablation: what was changed, its effect, and which effects are clear."""

import math

import pytest

from hpo.use_cases.ablate import Ablation, AblationRow

NAN = math.nan
ROWS = (
    AblationRow("", None, None, 0.9, 0.01, 3, 0.0, NAN, NAN, False),
    AblationRow("dropout", 0.5, False, 0.85, 0.02, 3, -0.05, -0.07, -0.03, True),
    AblationRow("optimizer", "adam", "sgd", 0.89, NAN, 1, -0.01, NAN, NAN, False),
    AblationRow("a,b", {"a": 1, "b": None}, {"a": 2, "b": 3}, 0.9, 0.01, 3, 0.0, -0.01, 0.01, False),
    AblationRow("depth", 3, 9, NAN, NAN, 0, NAN, NAN, NAN, False, "out_of_memory"),
)
TABLE = Ablation("digits-ablation", "accuracy", "max", ROWS)


@pytest.fixture
def ablated(monkeypatch, typed, tmp_path):
    monkeypatch.setenv("HPO_HOME", str(tmp_path))
    monkeypatch.setattr("hpo.use_cases.ablate.is_over", lambda *_, **__: True)
    monkeypatch.setattr("hpo.use_cases.ablate.ablation_table", lambda *_, **__: TABLE)
    return lambda *words: typed("ablate", "digits-ablation", *words)


def test_the_table(ablated):
    shown = ablated()
    assert shown.code == 0
    assert [line.rstrip() for line in shown.out.splitlines()] == [
        "",
        "off or changed        instead      validation accuracy  seeds  difference  95 % interval",
        "nothing (the recipe)               0.9000 ± 0.0100      3",
        "dropout                            0.8500 ± 0.0200      3      -0.0500     -0.0700 to -0.0300  *",
        "optimizer             adam -> sgd  0.8900               1      -0.0100     -",
        "a,b                   1 -> 2, 3    0.9000 ± 0.0100      3      +0.0000     -0.0100 to +0.0100",
        "depth                 3 -> 9       out of memory        0",
        "",
        "A difference is the mean over pairs of trainings on the same seed. One 95 % interval in twenty",
        "misses the true value by chance; * marks differences that are clear with all 4 taken",
        "together (Bonferroni).",
    ]


def test_as_json(ablated):
    shown = ablated("--json").json
    assert (shown["search"], shown["metric"], shown["mode"], len(shown["rows"])) == (
        "digits-ablation",
        "accuracy",
        "max",
        5,
    )
    assert shown["rows"][1] == {
        "component": "dropout",
        "own": 0.5,
        "off": False,
        "mean": 0.85,
        "std": 0.02,
        "n": 3,
        "difference": -0.05,
        "low": -0.07,
        "high": -0.03,
        "clear": True,
        "failure": "",
    }
    assert shown["rows"][4]["difference"] is None
