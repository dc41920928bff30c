"""Whether a model whose code was changed still gives its validation score, asked before a test part opens.

Its weights were checked under the code that trained them. A change that was accepted since may have broken
how they are loaded or scored, and the test part would be opened with another model than was chosen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from hpo.core.detail_events import VALIDATION
from hpo.core.home import SearchFolder
from hpo.core.shipped_model import AVERAGED, members_of
from hpo.core.training_state import Training
from hpo.ledger.searches import read_history
from hpo.ledger.store import SearchLedger
from hpo.running import checkpoints
from hpo.running.judge import task_of
from hpo.spec import SearchSpec
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.search import assembly


def complaint_of_changed_code(
    spec: SearchSpec, staging: DataStaging, folder: SearchFolder, ledger: SearchLedger
) -> str:
    """Return why a model's code, changed since it was trained, must not score a test part; empty if it may.

    Args:
        spec: Spec of the search.
        staging: Opens its trainable as it is now, and its data.
        folder: The search's folder.
        ledger: Its ledger, in which the model is fixed.

    Raises:
        HpoError: If weights are missing or damaged.
    """
    history = read_history(ledger)
    check = assembly.environment_of(spec, staging, folder).check
    if check is None or not history.code_changes or history.claim is not None:
        return ""
    plan = assembly.plan_of(spec, workers=1)
    for training in members_of(history):
        reported = _reported(training, spec.ship.model == "averaged")
        if reported and not training.until:
            weights = checkpoints.read(folder.weights / Path(training.weights).name, training.sha256)
            verdict = check(task_of(plan, training, fresh=True), weights, reported, math.inf)
            if verdict.complaint:
                since = f"the code has changed since trial {training.trial} was trained"
                return f"{since}, and {verdict.complaint}; put it back, or submit a new search"
    return ""


def _reported(training: Training, averaged: bool) -> Mapping[str, float]:
    """Return the validation scores on record of the weights that were kept."""
    if not averaged:
        return training.at_counted
    own = f"{AVERAGED}/"
    return {
        f"{VALIDATION}/{name.removeprefix(own)}": value
        for name, value in training.scores.items()
        if name.startswith(own)
    }
