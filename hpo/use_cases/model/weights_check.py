"""Whether saved weights give the score that was reported, found at the first trial instead of the end.

A trainable's `load` and its scoring would otherwise run for the first time after the whole search, with
the test part open. The weights of the first report are saved, loaded and scored on validation in a child
process, which has neither the training's memory nor its working folder. A score that is the same whatever a
model returns says nothing about the weights; the test part would be opened for nothing. At the first trial
the same process trains the first epoch again; see `hpo.use_cases.model.repeated_epoch`.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hpo.core.formatting import missing_on
from hpo.core.json_values import JsonFields, JsonObject
from hpo.core.ports import TrainingTask
from hpo.core.trainable import Arrays
from hpo.running import checkpoints
from hpo.running.environment import WeightsVerdict
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.model.checking_process import ask_child
from hpo.use_cases.model.repeated_epoch import difference, repeatable, request_of

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
        first: Number of the trial whose first epoch is repeated; None for no trial.
    """

    staging: DataStaging
    device: str = "cpu"
    threads: int = 1
    sealed: bool = False
    first: int | None = None

    def __call__(
        self, task: TrainingTask, weights: Arrays, metrics: Mapping[str, float], seconds: float
    ) -> WeightsVerdict:
        """Compare what a training reported with what its weights give.

        Args:
            task: The training.
            weights: Its weights after a report.
            metrics: The report, ``validation/<name>``.
            seconds: How long the reported epoch took.
        """
        repeats = self.device == "cpu" and task.trial == self.first and repeatable(task, seconds)
        with tempfile.TemporaryDirectory(prefix="hpo-check-") as scratch:
            file = Path(scratch) / "weights.safetensors"
            checkpoints.write(file, weights)
            request = self._request(task, file)
            if repeats:
                request["repeat"] = request_of(task, seconds)
            answer, repeated = ask_child(request, Path(scratch), self.threads)
        if "error" in answer:
            error = f"its weights cannot be loaded and scored in another process: {answer['error']}"
            return WeightsVerdict(error)
        verdict = self._verdict(metrics, answer)
        if verdict.complaint:
            return verdict
        doubts = (verdict.doubt, answer["retyped"], difference(metrics, repeated) if repeats else "")
        return WeightsVerdict(doubt="; ".join(filter(None, doubts)), predicting=answer["predicting"])

    def _verdict(self, metrics: Mapping[str, float], answer: JsonObject) -> WeightsVerdict:
        values, constant = answer["values"], answer["constant"]
        differences = _differences(metrics, values, TOLERANCE[self.device])
        wrong = [sentence for name, sentence in differences.items() if name not in constant]
        if wrong:
            return WeightsVerdict("; ".join(wrong))
        if not differences:
            return WeightsVerdict(doubt=missing_on("the validation rows", answer["not_numbers"]))
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


def _constant(values: Mapping[str, float]) -> str:
    shown = ", ".join(f"{name} {value:.6g}" for name, value in values.items())
    return (
        f"the trainable's `score` gives {shown} whatever the model returns, and not what was reported: it "
        "cannot tell whether saved weights are right, and a test score would say nothing about the model"
    )
