"""`hpo preflight` prints its table, counts verdicts, and fails where something is wrong."""

import pytest

from hpo.core.health import HealthCheck, PreflightReport
from tests.use_cases.recorded_search import SPEC

RIGHT = HealthCheck("first loss", "right", "2.31, expected 2.30 of 10 classes")
DOUBTFUL = HealthCheck("updates", "doubtful", "0.1 of the weights", "a lower learning rate")
WRONG = HealthCheck("gradients", "wrong", "none reach layer 0", "another activation")
EARLIER = HealthCheck("hpo try", "right", "all holds")


@pytest.fixture
def checked(tmp_path, monkeypatch, typed):
    """Types the command; the network is as the checks say."""
    (tmp_path / "digits.yaml").write_text(SPEC)
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("hpo.use_cases.preflight.tried_before", lambda *_: (EARLIER,))

    def run(checks, *words):
        report = PreflightReport({"optimizer": {"name": "sgd", "momentum": 0.9}, "depth": 3}, checks)
        monkeypatch.setattr("hpo.use_cases.preflight.preflight_spec", lambda *_, **__: report)
        return typed("preflight", str(tmp_path / "digits.yaml"), *words)

    return run


def test_the_table_with_what_was_tried_before(checked):
    shown = checked((RIGHT, DOUBTFUL, RIGHT))
    assert (shown.code, [line.rstrip() for line in shown.out.splitlines()]) == (
        0,
        [
            "checked  depth=3 optimizer.momentum=0.9 optimizer.name=sgd",
            "",
            "check       verdict   reason and advice",
            "hpo try     right     all holds",
            "first loss  right     2.31, expected 2.30 of 10 classes",
            "updates     doubtful  0.1 of the weights; a lower learning rate",
            "first loss  right     2.31, expected 2.30 of 10 classes",
            "",
            "3 checks: 1 doubtful, 2 right",
        ],
    )


def test_another_recipe_than_was_tried_has_no_earlier_findings(checked):
    shown = checked((RIGHT,), "--set", "depth=4")
    assert "hpo try" not in shown.out


def test_it_fails_where_something_is_wrong(checked, tmp_path):
    page = tmp_path / "page.html"
    shown = checked((WRONG, RIGHT), "--out", str(page))
    assert (shown.code, shown.out.splitlines()[-2:]) == (1, ["2 checks: 1 wrong, 1 right", str(page)])
    assert "none reach layer 0" in page.read_text()
    shown = checked((WRONG,), "--json")
    assert (shown.code, shown.json) == (
        1,
        {
            "recipe": {"optimizer": {"name": "sgd", "momentum": 0.9}, "depth": 3},
            "checks": [
                {
                    "name": "gradients",
                    "verdict": "wrong",
                    "reason": "none reach layer 0",
                    "advice": "another activation",
                }
            ],
            "histograms": [],
            "corners": [],
        },
    )
