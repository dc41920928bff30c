"""Whether saved weights give the score that was reported, found at the first trial instead of the end.

A trainable's `load` and its scoring would otherwise run for the first time after the whole search, with
the test part open. The weights of the first report are saved, loaded and scored on validation in a child
process, which has neither the training's memory nor its working folder. A score that is the same whatever a
model returns says nothing about the weights; the test part would be opened for nothing.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpo.core.errors import HpoError
from hpo.core.json_values import JsonFields, JsonObject
from hpo.core.ports import TrainingTask
from hpo.core.recipe import Recipe
from hpo.core.trainable import Arrays
from hpo.metrics.assessment import Assessment, assess
from hpo.running import checkpoints
from hpo.running.environment import WeightsVerdict
from hpo.running.thread_limits import limited_threads
from hpo.use_cases.dataset.staging import DataStaging

TOLERANCE = {"cpu": 1e-3, "cuda": 2e-2}
"""Relative difference up to which two scores are the same; a GPU adds in another order than the CPU."""

PREFIX = "validation/"


@dataclass(frozen=True)
class WeightsCheck:
    """Compares a report with what its weights give in another process; can be sent to workers.

    Attributes:
        staging: Opens the trainable and its data.
        device: Where the weights were trained.
        threads: Threads of the training.
        sealed: Whether the test part stays sealed at the end of the search.
    """

    staging: DataStaging
    device: str = "cpu"
    threads: int = 1
    sealed: bool = False

    def __call__(self, task: TrainingTask, weights: Arrays, metrics: Mapping[str, float]) -> WeightsVerdict:
        """Compare what a training reported with what its weights give.

        Args:
            task: The training.
            weights: Its weights after a report.
            metrics: The report, ``validation/<name>``.
        """
        with tempfile.TemporaryDirectory(prefix="hpo-check-") as scratch:
            file = Path(scratch) / "weights.safetensors"
            checkpoints.write(file, weights)
            answer = _asked(self._request(task, file), Path(scratch), self.threads)
        if "error" in answer:
            error = f"its weights cannot be loaded and scored in another process: {answer['error']}"
            return WeightsVerdict(error)
        values, constant = answer["values"], answer["constant"]
        differences = _differences(metrics, values, TOLERANCE[self.device])
        wrong = [sentence for name, sentence in differences.items() if name not in constant]
        if wrong:
            return WeightsVerdict("; ".join(wrong))
        if not differences:
            return WeightsVerdict(doubt=_missing(answer["not_numbers"]))
        doubt = _constant({name: values[name] for name in differences})
        return WeightsVerdict(doubt=doubt) if self.sealed else WeightsVerdict(doubt)

    def _request(self, task: TrainingTask, file: Path) -> JsonObject:
        staging = self.staging
        paths = {"base": staging.base, "data": staging.data, "splits": staging.splits, "weights": file}
        return {
            "trainable": staging.trainable,
            "recipe": dict(task.recipe),
            "split": task.split,
            "threads": self.threads,
            **{name: str(path) for name, path in paths.items()},
        }


def _asked(request: JsonObject, folder: Path, threads: int) -> JsonObject:
    child = subprocess.run(
        [sys.executable, "-P", "-m", "hpo.use_cases.model.weights_check"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        check=False,
    )
    try:
        answer: JsonObject = json.loads(child.stdout)
        return answer
    except ValueError:
        return {"error": f"exit code {child.returncode}: {child.stderr.strip()[-500:]}"}


def _differences(reported: Mapping[str, float], values: JsonFields, tolerance: float) -> dict[str, str]:
    """Return a sentence for every metric that was reported and came out otherwise, by its name."""
    ours = {name.removeprefix(PREFIX): v for name, v in reported.items() if name.startswith(PREFIX)}
    sentences: dict[str, str] = {}
    for name, value in ours.items():
        if name not in values:
            others = ", ".join(values) or "nothing"
            sentences[name] = f"{PREFIX}{name} was reported, but its score consists of {others}"
        elif not _close(value, values[name], tolerance):
            sentences[name] = (
                f"{PREFIX}{name} was reported as {value:.6g}, but its saved weights, loaded in another "
                f"process, give {values[name]:.6g} on the validation rows"
            )
    return sentences


def _close(one: float, other: float, tolerance: float) -> bool:
    both_missing = math.isnan(one) and math.isnan(other)
    return both_missing or math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance**2)


def _missing(text: str) -> str:
    return f"{text} on the validation rows; the scores are what the trainable makes of them" if text else ""


def _constant(values: Mapping[str, float]) -> str:
    shown = ", ".join(f"{name} {value:.6g}" for name, value in values.items())
    return (
        f"the trainable's `score` gives {shown} whatever the model returns, and not what was reported: it "
        "cannot tell whether saved weights are right, and a test score would say nothing about the model"
    )


def constant_metrics(assessment: Assessment) -> list[str]:
    """Return the metrics that stay the same when other outputs than the model's are scored.

    Tried are the outputs in reverse, those of the first row for all rows, and the outputs halved. A score
    that rejects any of them depends on the outputs.
    """
    score, outputs = assessment.score, assessment.outputs
    if score is None or len(assessment.targets) < 2:
        return []
    try:
        outputs = np.asarray(outputs)
        others = (outputs[::-1], np.repeat(outputs[:1], len(outputs), axis=0), outputs / 2)
        values = [score(other, assessment.targets) for other in others]
        return [
            name
            for name, value in assessment.values.items()
            if all(float(changed[name]) == value for changed in values)
        ]
    except Exception:  # a user's score may raise anything
        return []


def scored(request: JsonFields) -> JsonObject:
    """Load weights and score them on the validation rows, as a request says."""
    base, data, splits = (Path(request[key]) for key in ("base", "data", "splits"))
    staging = DataStaging(request["trainable"], base, data, splits)
    stage = staging()
    with limited_threads(request["threads"]):
        validation = stage.parts(request["split"]).validation
        weights = checkpoints.read(Path(request["weights"]))
        model = stage.trainable.load(Recipe(request["recipe"]), weights, validation.info)
        assessment = assess(stage.trainable, [model], validation)
        return {
            "values": dict(assessment.values),
            "constant": constant_metrics(assessment),
            "not_numbers": assessment.not_numbers,
        }


def main() -> None:
    """Answer one request: JSON on stdin, JSON on stdout; what the user's code prints goes to stderr."""
    answer_to = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    request = json.load(sys.stdin)
    try:
        answer = scored(request)
    except HpoError as error:
        answer = {"error": str(error)}
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        text = "".join(traceback.format_exception_only(error)).strip()
        answer = {"error": f"{text[-800:]} (line {last.lineno} of {last.filename})"}
    with answer_to:
        json.dump(answer, answer_to)


if __name__ == "__main__":
    main()
