"""The child process in which saved weights are scored and a first epoch is trained again.

It has neither the memory nor the working folder of the training that asks for it.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from hpo.core.distributed import without_place
from hpo.core.errors import HpoError
from hpo.core.formatting import count
from hpo.core.json_values import JsonFields, JsonObject
from hpo.core.raised_errors import error_text, with_line
from hpo.core.recipe import Recipe
from hpo.core.trainable import Arrays, Model
from hpo.metrics.assessment import Assessment, assess
from hpo.running import checkpoints
from hpo.running.environment import OpenedStage
from hpo.running.thread_limits import limited_threads
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.model.few_predictions import prediction_failure
from hpo.use_cases.model.repeated_epoch import repeated_scores

SHOWN = 3
"""Names of arrays in a sentence."""


def ask_child(request: JsonObject, folder: Path, threads: int) -> tuple[JsonObject, JsonObject]:
    """Return a child's answers to a request: scores, and those of a repeated epoch.

    The child ends with its input: it would train on if this process were killed.
    """
    log = folder / "stderr"
    with log.open("wb") as errors:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "hpo.use_cases.model.checking_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            env={**without_place(os.environ), "OMP_NUM_THREADS": str(threads)},
        )
        with child:
            assert child.stdin is not None
            assert child.stdout is not None
            with suppress(BrokenPipeError):
                child.stdin.write(json.dumps(request).encode() + b"\n")
                child.stdin.flush()
            lines = child.stdout.read().splitlines()
            with suppress(BrokenPipeError):
                child.stdin.close()
    printed = log.read_text(encoding="utf-8", errors="replace").strip()
    missing = {"error": f"exit code {child.returncode}: {printed[-500:]}"}
    scores, repeated, *_ = (*(json.loads(line) for line in lines), missing, missing)
    return scores, repeated


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


def retyped_weights(saved: Arrays, model: Model) -> str:
    """Return in a sentence which weights of a loaded model have another type than the saved ones; or nothing.

    A model that computes in another precision than it was trained in may score the same on these rows.
    """
    try:
        loaded = {name: np.asarray(array).dtype for name, array in model.weights().items()}
    except Exception:  # of a user's code; the weights of a loaded model are not needed elsewhere
        return ""
    odd = [name for name, array in saved.items() if loaded.get(name, array.dtype) != array.dtype]
    if not odd:
        return ""
    shown = ", ".join(f"{name} ({loaded[name]} once loaded)" for name in odd[:SHOWN])
    return (
        f"{count(len(odd), 'array')} of its weights become another type when they are loaded: {shown}; the "
        "model that is tested then computes in another precision than the one that was trained"
    )


def scored(stage: OpenedStage, request: JsonFields) -> JsonObject:
    """Load weights and score them on the validation rows, as a request says."""
    validation = stage.parts(request["split"]).validation
    weights = checkpoints.read(Path(request["weights"]))
    model = stage.trainable.load(Recipe(request["recipe"]), weights, validation.info)
    retyped = retyped_weights(weights, model)
    assessment = assess(stage.trainable, [model], validation)
    return {
        "retyped": retyped,
        "values": dict(assessment.values),
        "constant": constant_metrics(assessment),
        "not_numbers": assessment.not_numbers,
        "predicting": prediction_failure(model, validation) if assessment.score is None else "",
    }


def repeated(stage: OpenedStage, request: JsonFields) -> JsonObject:
    """Train the first epoch that a request asks for once more."""
    return {"values": repeated_scores(stage, request, Path(request["weights"]).parent / "repeated")}


def main() -> None:
    """Answer one request, a line of JSON on stdin.

    The answers on stdout are a line of JSON for the scores and one for a repeated epoch; what the user's code
    prints goes to stderr.
    """
    answer_to = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    base, data, splits = (Path(request[key]) for key in ("base", "data", "splits"))
    staging = functools.cache(DataStaging(request["trainable"], base, data, splits))
    with answer_to:
        for act in (scored, repeated)[: 1 + ("repeat" in request)]:
            print(json.dumps(_answer(act, staging, request)), file=answer_to, flush=True)


def _answer(
    act: Callable[[OpenedStage, JsonFields], JsonObject],
    staging: Callable[[], OpenedStage],
    request: JsonFields,
) -> JsonObject:
    try:
        stage = staging()
        with limited_threads(request["threads"]):
            return act(stage, request)
    except HpoError as error:
        return {"error": str(error)}
    except Exception as error:
        return {"error": with_line(error_text(error)[-800:], error)}


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
