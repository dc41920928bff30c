"""`hpo diagnose` prints what a model does wrong, and what to try."""

import pytest

from hpo.core.diagnosis import CalibrationBin, CurvePoint, Diagnosis, PredictedRow, SizeResult
from hpo.core.health import HealthCheck

CHECKS = (
    HealthCheck("curve", "right", "validation loss still falls"),
    HealthCheck("gap", "doubtful", "0.99 on train, 0.80 on validation", "more augmentation"),
)
PLAIN = Diagnosis("trial 3, trained again", "accuracy", "error rate", 1360, CHECKS)
WHOLE = Diagnosis(
    "trial 3, trained again",
    "accuracy",
    "error rate",
    1360,
    CHECKS,
    curve=(CurvePoint(1, 2.0, 1.9, 0.4, 0.45), CurvePoint(2, 1.0, 0.9, 0.8, 0.75)),
    mistakes=tuple(PredictedRow(row, "3", "5", 0.9876, 4.0) for row in range(40, 49)),
    classes=("3", "5", "8"),
    confusion=((90, 7, 0), (2, 80, 7), (0, 1, 99)),
    calibration=(CalibrationBin(0.9, 0.8, 10),),
    calibration_error=0.1,
    sizes=(SizeResult(500, 0.25), SizeResult(1000, 0.2)),
)


@pytest.fixture
def diagnosed(tmp_path, monkeypatch, typed):
    """Types the command; the diagnosis of a search is what is given."""
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("hpo.use_cases.kept_report.publish_report", lambda *_, **__: None)

    def run(diagnosis, *words):
        monkeypatch.setattr("hpo.use_cases.diagnose.diagnose_search", lambda *_, **__: diagnosis)
        return typed("diagnose", "digits", *words)

    return run


def test_a_diagnosis_of_checks_alone(diagnosed):
    shown = diagnosed(PLAIN)
    assert (shown.code, [line.rstrip() for line in shown.out.splitlines()]) == (
        0,
        [
            "model  trial 3, trained again",
            "rows   1,360 of validation; the test part stays sealed",
            "",
            "reading  verdict   observed and what to try",
            "curve    right     validation loss still falls",
            "gap      doubtful  0.99 on train, 0.80 on validation; more augmentation",
        ],
    )


def test_confusions_calibration_sizes_and_the_worst_mistakes(diagnosed):
    facts, _, rest = diagnosed(WHOLE).out.partition("\n\n")
    assert facts.splitlines()[2:] == [
        "accuracy     0.7500 after 2 epochs",
        "confuses     3 with 5 (7), 5 with 8 (7), 5 with 3 (2), 8 with 5 (1)",
        "calibration  confidence differs from accuracy by 0.1000 on average",
        "error rate   by training rows: 0.2500 with 500, 0.2000 with 1,000",
    ]
    head, *rows = rest.partition("\n\n")[2].splitlines()
    assert head.split("  ")[0] == "worst mistakes: row"
    assert [row.split() for row in rows] == [[str(row), "3", "5", "0.988"] for row in range(40, 48)]


def test_as_json_and_as_a_page(diagnosed, tmp_path):
    page = tmp_path / "page.html"
    assert diagnosed(WHOLE, "--json", "--out", str(page)).json == WHOLE.to_json()
    assert "trial 3, trained again" in page.read_text()
    assert diagnosed(WHOLE, "--out", str(page)).out.splitlines()[-1] == str(page)
