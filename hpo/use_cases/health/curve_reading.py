"""A learning curve read as an experienced reader would: what it shows, and what to try.

The rules are those of Goodfellow et al., Deep Learning, 2016, 5.2 and 11.4, and of Karpathy, CS231n notes,
Neural Networks 3: under- or overfitting, a flat start, a loss that does not fit the score.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from hpo.core.diagnosis import CurvePoint
from hpo.core.formatting import count, score
from hpo.core.health import HealthCheck

FEW = 4
"""Epochs below which the shape of a curve says nothing."""

GAP = 0.05
"""Difference of two accuracies that is overfitting, beyond what chance explains."""

RISE = 1.1
"""Factor by which the validation loss has risen above its minimum."""

FALLING = 0.03
"""Share by which the validation loss still fell in the last fifth."""

FLAT = 0.05
"""Share of the whole fall of the loss that a flat first third reaches."""

CAPACITY = (
    "raise capacity: more layers or units, less regularization, more epochs; tune the learning rate first, "
    "then batch size and momentum, then width and depth"
)
REGULARIZE = (
    "lower capacity or regularize: augmentation, weight decay, dropout, early stopping, more data; tune one "
    "of them at a time"
)


def readings(
    curve: Sequence[CurvePoint], *, maximize: bool, proportion: bool, rows: int
) -> Iterator[HealthCheck]:
    """Yield what a curve shows.

    Args:
        curve: Every epoch.
        maximize: Whether a larger score is better.
        proportion: Whether the score is a share of the rows, between 0 and 1.
        rows: Number of validation rows.
    """
    losses = [point for point in curve if math.isfinite(point.train_loss)]
    if len(curve) < FEW:
        yield HealthCheck(
            "curve", "open", f"{count(len(curve), 'epoch')}: too few to read a curve", "train longer"
        )
        return
    if len(losses) == len(curve):
        yield _start(curve)
        yield _end(curve)
        if proportion:
            yield _loss_and_score(curve, maximize)
    if proportion and all(math.isfinite(point.train_score) for point in curve):
        yield _gap(curve, maximize, rows)
    elif len(losses) == len(curve) and math.isfinite(curve[-1].loss):
        yield _rise(curve)
    else:
        yield HealthCheck("fit", "open", "the training does not report its loss or score on training rows")


def _start(curve: Sequence[CurvePoint]) -> HealthCheck:
    name, third = "start", max(1, len(curve) // 3)
    fall = curve[0].train_loss - min(point.train_loss for point in curve)
    early = curve[0].train_loss - min(point.train_loss for point in curve[: third + 1])
    if fall > 0 and fall > 0.2 * abs(curve[0].train_loss) and early < FLAT * fall:
        shown = f"the training loss is flat for the first {count(third, 'epoch')} and falls later"
        return HealthCheck(
            name, "doubtful", shown, "a bad initialization: another `init`, warm-up, or normalization"
        )
    return HealthCheck(name, "right", "the training loss falls from the start")


def _end(curve: Sequence[CurvePoint]) -> HealthCheck:
    """Judge whether it is trained to the end, by the validation loss where there is one."""
    name, fifth = "length", max(1, len(curve) // 5)
    values = [point.loss if math.isfinite(point.loss) else point.train_loss for point in curve]
    before, last = min(values[:-fifth]), min(values[-fifth:])
    if not math.isfinite(curve[-1].train_loss) or curve[-1].train_loss > 1.5 * curve[0].train_loss:
        return HealthCheck(name, "wrong", "the training loss rises: it diverges", "a smaller learning rate")
    if before > 0 and (before - last) / before > FALLING:
        share, length = f"{(before - last) / before:.0%}", count(fifth, "epoch")
        shown = f"the validation loss still falls by {share} in the last {length}"
        return HealthCheck(name, "doubtful", shown.replace("%", " %"), "train longer: more epochs")
    return HealthCheck(name, "right", "the validation loss has stopped falling")


def _loss_and_score(curve: Sequence[CurvePoint], maximize: bool) -> HealthCheck:
    name = "loss and score"
    fall = 1 - min(p.train_loss for p in curve) / curve[0].train_loss if curve[0].train_loss > 0 else 0.0
    scores = [point.train_score if math.isfinite(point.train_score) else point.score for point in curve]
    best, worst = (max(scores), min(scores)) if maximize else (min(scores), max(scores))
    error = 1 - best if maximize else best
    if fall > 0.3 and abs(best - worst) < 0.03 and error > 0.3:
        shown = f"the loss falls by {fall:.0%}, and the score stays at {score(best)}".replace("%", " %")
        return HealthCheck(
            name, "wrong", shown, "the loss does not fit the score, or they see different labels"
        )
    return HealthCheck(name, "right", "the score follows the loss")


def _gap(curve: Sequence[CurvePoint], maximize: bool, rows: int) -> HealthCheck:
    last = curve[-1]
    train, valid = (1 - last.train_score, 1 - last.score) if maximize else (last.train_score, last.score)
    luck = 2 * math.sqrt(max(valid * (1 - valid), 0.0) / max(1, rows))
    shown = f"error {score(train)} on training rows and {score(valid)} on validation rows at the end"
    if valid - train > max(GAP, luck):
        return HealthCheck("fit", "doubtful", f"overfitting: {shown}", REGULARIZE)
    if train > max(GAP, 0.8 * valid):
        return HealthCheck("fit", "doubtful", f"underfitting: {shown}", CAPACITY)
    return HealthCheck("fit", "right", shown)


def _rise(curve: Sequence[CurvePoint]) -> HealthCheck:
    lowest = min(curve, key=lambda point: point.loss)
    last = curve[-1]
    shown = (
        f"loss {score(last.train_loss)} on training rows and {score(last.loss)} on validation rows at the end"
    )
    if lowest.loss > 0 and last.loss > RISE * lowest.loss:
        shown += f", {score(lowest.loss)} at epoch {lowest.epoch}"
        return HealthCheck("fit", "doubtful", f"overfitting: {shown}", REGULARIZE)
    if last.loss > 2 * last.train_loss > 0:
        return HealthCheck("fit", "doubtful", f"overfitting: {shown}", REGULARIZE)
    return HealthCheck("fit", "right", shown)
