"""Whether saved weights give the score that was reported, found at the first trial instead of the end.

A trainable's `load` and its scoring would otherwise run for the first time after the whole search, with
the test part open. The weights of the first report are saved, loaded and scored on validation in a child
process, which has neither the training's memory nor its working folder.
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

from hpo.core.errors import HpoError
from hpo.core.json_values import JsonFields, JsonObject
from hpo.core.ports import TrainingTask
from hpo.core.recipe import Recipe
from hpo.core.trainable import Arrays
from hpo.metrics.assessment import assess
from hpo.running import checkpoints
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
    """

    staging: DataStaging
    device: str = "cpu"
    threads: int = 1

    def __call__(self, task: TrainingTask, weights: Arrays, metrics: Mapping[str, float]) -> str:
        """Return what is wrong with a training's weights, in a sentence; empty if they give its scores.

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
            return f"its weights cannot be loaded and scored in another process: {answer['error']}"
        return "; ".join(_differences(metrics, answer["values"], TOLERANCE[self.device]))

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


def _differences(reported: Mapping[str, float], values: JsonFields, tolerance: float) -> list[str]:
    """Return a sentence for every metric that was reported and came out otherwise."""
    ours = {name.removeprefix(PREFIX): v for name, v in reported.items() if name.startswith(PREFIX)}
    sentences = []
    for name, value in ours.items():
        if name not in values:
            others = ", ".join(values) or "nothing"
            sentences.append(f"{PREFIX}{name} was reported, but its score consists of {others}")
        elif not math.isclose(value, values[name], rel_tol=tolerance, abs_tol=tolerance**2):
            sentences.append(
                f"{PREFIX}{name} was reported as {value:.6g}, but its saved weights, loaded in another "
                f"process, give {values[name]:.6g} on the validation rows"
            )
    return sentences


def scored(request: JsonFields) -> JsonObject:
    """Load weights and score them on the validation rows, as a request says."""
    base, data, splits = (Path(request[key]) for key in ("base", "data", "splits"))
    staging = DataStaging(request["trainable"], base, data, splits)
    stage = staging()
    with limited_threads(request["threads"]):
        validation = stage.parts(request["split"]).validation
        weights = checkpoints.read(Path(request["weights"]))
        model = stage.trainable.load(Recipe(request["recipe"]), weights, validation.info)
        return {"values": dict(assess(stage.trainable, [model], validation).values)}


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
