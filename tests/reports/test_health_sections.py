"""What was found before a search, as a section of the report page."""

import pytest

from hpo.core.diagnosis import Diagnosis
from hpo.core.health import CornerCost, HealthCheck, PreflightReport, ValueHistogram
from hpo.reports.page.diagnosis_sections import sentence
from hpo.reports.page.document import rendered
from hpo.reports.page.health_sections import before_search

TRIED = (HealthCheck("code: weights", "right", "loaded in another process, they give the reported score"),)
REPORT = PreflightReport(
    {},
    (HealthCheck("layers", "wrong", "<script>alert(1)</script>: dead", "check biases"),),
    tuple(ValueHistogram("relu", f"{n}", "weights", -1, 1, (1, 2, 3), 0.5, "") for n in range(3)),
    (CornerCost("the first point", 0.25, 3_000_000), CornerCost("width = 4", float("nan"), 0, "failed")),
)


def test_both_reports_are_one_section_with_counts_histograms_and_costs():
    section = before_search(TRIED, REPORT)
    assert section.sentence == "2 checks of the code and the network before the search: 1 wrong, 1 right."
    table, figures, costs = section.blocks
    assert [row[0] for row in table.rows] == ["code: weights", "layers"]
    assert figures.items[0].wide.count("<rect") == 9
    assert costs.rows == [("the first point", "0.25 s", "3 MB", ""), ("width = 4", "-", "-", "failed")]


def test_names_with_html_are_shown_and_never_run():
    html = rendered("t", "m", [("1 wrong", "warn")], [before_search(TRIED, REPORT)])
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


@pytest.mark.parametrize(
    ("verdict", "said"),
    [("right", "shows neither under- nor overfitting"), ("open", "does not tell under- or overfitting")],
)
def test_a_curve_that_could_not_be_read_is_not_called_sound(verdict, said):
    checks = (HealthCheck("fit", verdict, "seen"), HealthCheck("data", "right", "enough"))
    shown = sentence(Diagnosis("winner, trial 6", "mse", "mse", 400, checks))
    assert shown.startswith("Of the winner, trial 6, on 400 validation rows: ")
    assert said in shown
