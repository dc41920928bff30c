"""The section about what a trained model does right and wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from hpo.core.diagnosis import Diagnosis, PredictedRow
from hpo.core.formatting import NOTHING, count, score
from hpo.reports.page.blocks import Block, DataTable, Figure, Picture, Pictures, Section, both
from hpo.reports.page.frame import Frame
from hpo.reports.page.health_sections import check_table
from hpo.reports.page.lines_chart import Line, lines_chart
from hpo.reports.page.svg import line, mark
from hpo.reports.scales import AxisScale

MOST_CLASSES = 20
"""Classes of a confusion matrix that is shown as a whole; of more, the most frequent confusions are."""

MOST_PAIRS = 10


def diagnosis_section(diagnosis: Diagnosis) -> Section:
    """Return the section with curve, mistakes, confusions, calibration and need of data."""
    blocks: list[Block] = [check_table(("reading", "verdict", "observed, and what to try"), diagnosis.checks)]
    if any(math.isfinite(point.train_loss) for point in diagnosis.curve):
        blocks.append(_curve(diagnosis))
    if diagnosis.sizes:
        blocks.append(_sizes(diagnosis))
    if diagnosis.confusion:
        blocks.append(_confusion(diagnosis))
    if diagnosis.calibration:
        blocks.append(_calibration(diagnosis))
    blocks += _rows("The worst mistakes", diagnosis.mistakes)
    blocks += _rows("The model at work, on rows drawn at random", diagnosis.at_work)
    return Section("diagnosis", "Diagnosis", sentence(diagnosis), blocks, (ABOUT,))


ABOUT = "the diagnosis trains the recipe again and looks at validation rows alone; the test part stays sealed"


UNREAD = "nothing is in doubt, but its curve does not tell under- or overfitting"


def sentence(diagnosis: Diagnosis) -> str:
    """Return the diagnosis in one sentence."""
    doubts = [check.reason for check in diagnosis.checks if check.verdict in ("wrong", "doubtful")]
    fitted = any(check.name == "fit" and check.verdict == "right" for check in diagnosis.checks)
    sound = "its curve shows neither under- nor overfitting" if fitted else UNREAD
    finding = "; ".join(doubts) or sound
    return f"Of the {diagnosis.model}, on {count(diagnosis.rows, 'validation row')}: {finding}."


def _curve(diagnosis: Diagnosis) -> Figure:
    def points(name: str) -> list[tuple[float, float]]:
        return [(float(point.epoch), getattr(point, name)) for point in diagnosis.curve]

    lines: list[Line] = [("training", "grey", points("train_loss")), ("validation", "blue", points("loss"))]
    rows = [
        (str(p.epoch), *map(score, (p.train_loss, p.loss, p.train_score, p.score))) for p in diagnosis.curve
    ]
    metric = diagnosis.metric
    head = ("epoch", "training loss", "validation loss", f"training {metric}", f"validation {metric}")
    table = DataTable(head, rows, "The curve as a table")
    return both(
        "Loss on training and validation rows", lambda w: lines_chart(lines, "epoch", "loss", w), table
    )


def _sizes(diagnosis: Diagnosis) -> Figure:
    points = [(float(result.rows), result.error) for result in diagnosis.sizes]
    rows = [(f"{result.rows:,}", score(result.error)) for result in diagnosis.sizes]
    table = DataTable(("training rows", diagnosis.error), rows, "The sizes as a table")
    drawn: list[Line] = [("validation", "blue", points)]
    return both(
        f"Validation {diagnosis.error} against the number of training rows",
        lambda width: lines_chart(drawn, "training rows, log", f"{diagnosis.error}, log", width, log=True),
        table,
        diagnosis.forecast,
    )


def _confusion(diagnosis: Diagnosis) -> DataTable:
    names, counts = diagnosis.classes, diagnosis.confusion
    if len(names) <= MOST_CLASSES:
        rows = [(name, *map(str, row)) for name, row in zip(names, counts, strict=True)]
        return DataTable(("true class, by prediction", *names), rows, "Confusion matrix")
    pairs = sorted(
        ((amount, t, p) for t, row in enumerate(counts) for p, amount in enumerate(row) if amount and t != p),
        reverse=True,
    )[:MOST_PAIRS]
    shown = [(names[t], names[p], str(amount)) for amount, t, p in pairs]
    return DataTable(("true class", "predicted", "rows"), shown, "The most frequent confusions")


def _calibration(diagnosis: Diagnosis) -> Figure:
    bins = diagnosis.calibration
    rows = [(score(bin_.confidence), score(bin_.accuracy), f"{bin_.count:,}") for bin_ in bins]
    table = DataTable(("mean confidence", "accuracy", "rows"), rows, "The bins as a table")
    note = (
        f"Expected calibration error {score(diagnosis.calibration_error)}: the mean difference of confidence "
        "and accuracy. Below the diagonal the model is too sure of itself."
    )
    return both(
        "Confidence against accuracy", lambda width: _calibration_chart(diagnosis, width), table, note
    )


def _calibration_chart(diagnosis: Diagnosis, width: int) -> Markup:
    frame, scale = Frame(min(width, 420), 320), AxisScale(0.0, 1.0)
    drawn = [*frame.across(scale, "mean confidence"), *frame.up(scale, "accuracy")]
    drawn.append(line(frame.x(0), frame.y(0), frame.x(1), frame.y(1), "axis"))
    most = max(each.count for each in diagnosis.calibration)
    for each in diagnosis.calibration:
        size = 2.5 + 5 * math.sqrt(each.count / most)
        x, y = frame.x(each.confidence), frame.y(each.accuracy)
        drawn.append(mark("circle", x, y, "blue", count(each.count, "row"), size))
    return frame.drawing("Confidence against accuracy", drawn)


def _rows(title: str, rows: Sequence[PredictedRow]) -> list[Block]:
    """Return rows as pictures, or as a table."""
    if not rows:
        return []
    if all(row.picture for row in rows):
        return [Pictures(title, [Picture(row.picture, _caption(row)) for row in rows])]
    cells = [
        (str(r.row), r.truth, r.predicted, _share(r.confidence), score(r.penalty), r.shown) for r in rows
    ]
    return [DataTable(("row", "true", "predicted", "confidence", "loss or error", "columns"), cells, title)]


def _caption(row: PredictedRow) -> str:
    if row.truth == row.predicted:
        return f"{row.truth}, right ({_share(row.confidence)})"
    return f"{row.predicted} instead of {row.truth} ({_share(row.confidence)})"


def _share(value: float) -> str:
    return f"{value:.0%}".replace("%", " %") if math.isfinite(value) else NOTHING
