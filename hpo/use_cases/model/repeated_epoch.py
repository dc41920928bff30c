"""Whether the same seed gives the same scores, found at the first trial instead of by `hpo verify`.

A search of the user's own code has the first epoch of its first trial trained a second time, on the same
seed, in a child process that does not share the training's memory. It costs that epoch once in a search.
"""

from __future__ import annotations

import faulthandler
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hpo.core.home import SearchFolder
from hpo.core.json_values import JsonFields, JsonObject
from hpo.core.objective import Objective
from hpo.core.ports import TrainingTask
from hpo.core.recipe import Recipe
from hpo.running.channel import TrainingStopped
from hpo.running.environment import OpenedStage, TrainingEnvironment
from hpo.running.recording_channel import RecordingChannel
from hpo.running.training_context import TrainingContext

LONGEST = 60.0
"""Seconds up to which a first epoch is trained twice; `hpo try` repeats any, on a share of the data."""

LIMIT = 60.0, 4.0
"""Seconds for the second training, and how many times as long as the first one it may take besides."""

SAME = 1e-6
"""Relative difference up to which two trainings with the same seed are the same."""

UNKNOWN = "it is not known whether its scores can be reproduced"
ADVICE = "draw every random number from the run's seed (`hpo try` repeats a recipe, too)"


def repeatable(task: TrainingTask, seconds: float) -> bool:
    """Return whether a training has just reported a first epoch that is short enough to be repeated."""
    return not task.checkpoints and seconds <= LONGEST


def request_of(task: TrainingTask, seconds: float) -> JsonObject:
    """Return what `repeated_scores` needs to know of a training besides its recipe and split."""
    limit = LIMIT[0] + LIMIT[1] * seconds
    return {"trial": task.trial, "seed": task.seed, "horizon": task.horizon, "limit": limit}


def repeated_scores(stage: OpenedStage, request: JsonFields, folder: Path) -> dict[str, float]:
    """Train the first epoch of a request in this process; ends the process if it takes too long.

    Args:
        stage: The trainable and its data.
        request: The training's recipe, split and threads, and `request_of` it under ``repeat``.
        folder: Folder for the training's files.

    Returns:
        Its metrics on validation, ``validation/<name>``; empty if it reported none.
    """
    repeat, parts = request["repeat"], stage.parts(request["split"])
    metric = stage.trainable.metrics[0]
    task = TrainingTask(repeat["trial"], 0, request["recipe"], repeat["seed"], repeat["horizon"], (1,))
    environment = TrainingEnvironment(
        lambda: stage, SearchFolder(folder), Objective(metric.name, metric.mode), threads=request["threads"]
    )
    recorder = RecordingChannel()
    faulthandler.dump_traceback_later(repeat["limit"], exit=True, file=2)
    with suppress(TrainingStopped):
        context = TrainingContext(task, environment, recorder)
        stage.trainable.train(Recipe(task.recipe), parts.train, parts.validation, context)
    faulthandler.cancel_dump_traceback_later()
    return recorder.scores[0] if recorder.reports else {}


def difference(reported: Mapping[str, float], answer: JsonFields) -> str:
    """Return in a sentence how a repeated epoch differs from the one that was reported; empty if it does not.

    Args:
        reported: The report, ``validation/<name>``.
        answer: ``values``, what `repeated_scores` returned, or ``error``, why there are none.
    """
    if "error" in answer:
        return f"{UNKNOWN}: a second training fails: {answer['error']}"
    if not answer["values"]:
        return f"{UNKNOWN}: a second training ends without a report"
    for name, value in answer["values"].items():
        before = reported.get(name, math.nan)
        same = math.isclose(value, before, rel_tol=SAME) or (math.isnan(value) and math.isnan(before))
        if not same:
            return (
                f"its scores cannot be reproduced: {name} of the first epoch is {before:.9g}, and "
                f"{value:.9g} when it is trained again on the same seed; {ADVICE}"
            )
    return ""
