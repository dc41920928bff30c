"""What a search's record tells of its own luck: scores, fresh seeds by seed, and their curves."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hpo.core.events import End, Reported
from hpo.core.fresh_seeds import FreshSeeds
from hpo.core.history import History, Training
from hpo.core.objective import Objective
from hpo.ledger.store import SearchLedger
from hpo.running.checkpoints import DamagedFile, read
from hpo.running.training_context import CONTRIBUTIONS
from hpo.selection.evidence import EpochLuck, Evidence, epoch_luck
from hpo.spec import SearchSpec

Curves = dict[int, dict[int, list[float]]]
"""Finalist to replicate to the objective's value after each epoch, of whole trainings alone."""

UNLIKE = 0.05
"""Difference between two shares of the rows that is worth a word."""


def ranked(history: History) -> list[Training]:
    """Fully trained trials: those among which was chosen."""
    return [t for t in history.trials if t.end is End.FINISHED and math.isfinite(t.value)]


def evidence_of(spec: SearchSpec, ledger: SearchLedger, history: History, kept: Path) -> Evidence:
    """Gather what the corrections of the best score work with.

    Args:
        spec: What was asked.
        ledger: The record.
        history: The same, folded.
        kept: Folder of what was kept of the trainings.
    """
    assert history.opened is not None
    named = history.finalists.trials if history.finalists else ()
    objective, fresh = history.objective, spec.finalists.fresh
    curves = _curves(ledger, objective, spec.horizon, named)
    counted = {trial: list(fresh.by_seed(history.replicates(trial)).values()) for trial in named}
    finals = valued_on(spec, history) == "final"
    share = any(m.proportion for m in spec.metrics if m.name == objective.metric)
    return Evidence(
        objective,
        {t.trial: t.value for t in ranked(history)},
        {trial: _searched(history, fresh, curves, trial) for trial in named} if finals else counted,
        finals=counted if finals else {},
        examples={} if fresh.folds else _examples(history, kept, named),
        n=examples_behind(history.opened.split, valued_on(spec, history)) if share else 0,
        luck=EpochLuck()
        if finals
        else epoch_luck({t: list(c.values()) for t, c in curves.items()}, objective),
        held_out=fresh.folds is not None,
    )


def valued_on(spec: SearchSpec, history: History) -> Literal["final", "folds", "validation"]:
    """On what a fresh seed is valued; early versions had no score of a final part, whatever a spec said."""
    if spec.finalists.folds is not None:
        return "folds"
    named = history.finalists.trials if history.finalists else ()
    scored = any(training.scores for trial in named for training in history.replicates(trial))
    return "final" if scored and spec.data.final_share is not None else "validation"


def examples_behind(split: Mapping[str, Any], valued: Literal["final", "folds", "validation"]) -> int:
    """Examples behind the value of a fresh seed.

    Args:
        split: As it is on record.
        valued: On what, as `valued_on` says.
    """
    return int(split["folds"]["rows"] if valued == "folds" else split["counts"][valued])


def notes_of(split: Mapping[str, Any]) -> list[str]:
    """What makes fresh seeds unlike the search's trials, each a sentence.

    Args:
        split: As it is on record.
    """
    counts, folds = split["counts"], split.get("folds")
    if not folds:
        return []
    fitted = 1 - sum(folds["held_out"]) / 2 / folds["rows"]
    before = counts["train"] / folds["rows"]
    if split.get("by") == "time":
        return ["folds follow time, so the earlier ones train on fewer rows than the search did"]
    if abs(fitted - before) < UNLIKE:
        return []
    return [f"fresh seeds train on {fitted:.0%} of the rows, the search's trials on {before:.0%}"]


def _examples(history: History, kept: Path, finalists: tuple[int, ...]) -> dict[int, Any]:
    """What each example contributed to the value of each fresh seed, [seeds, n], where it was kept.

    Only what the values are the means of: nothing of a file that has gone or is another.
    """
    found = {}
    for trial in finalists:
        rows = []
        for training in history.replicates(trial):
            if training.end is End.FINISHED and training.examples:
                with contextlib.suppress(DamagedFile):
                    path = kept / Path(training.examples).name
                    each = read(path, training.examples_sha256)[CONTRIBUTIONS].astype(np.float64)
                    if np.isclose(each.mean(), training.value, rtol=1e-4, atol=1e-6):
                        rows.append(each)
        if rows:
            found[trial] = np.stack(rows)
    return found


def _searched(history: History, fresh: FreshSeeds, curves: Curves, trial: int) -> list[float]:
    """A finalist's fresh values on the part that the search used, seed by seed.

    A fresh seed picks its epoch on that part as a trial of the search does, and is valued on another.
    """
    values = []
    for seed in fresh.by_seed(history.replicates(trial)):
        standing = math.nan
        for value in curves.get(trial, {}).get(fresh.replicate(seed), ()):
            standing = history.objective.standing(standing, value)
        values.append(standing)
    return values


def _curves(ledger: SearchLedger, objective: Objective, horizon: int, finalists: tuple[int, ...]) -> Curves:
    """Learning curves of the finalists' fresh trainings."""
    found: dict[int, dict[int, dict[int, float]]] = {trial: {} for trial in finalists}
    for recorded in ledger.read(kinds=[Reported]):
        report = recorded.event
        if isinstance(report, Reported) and report.replicate and report.trial in found:
            curve = found[report.trial].setdefault(report.replicate, {})
            curve[report.epoch] = report.metrics.get(objective.key, math.nan)
    return {
        trial: {
            replicate: [value for _, value in sorted(curve.items())]
            for replicate, curve in sorted(seeds.items())
            if len(curve) == horizon
        }
        for trial, seeds in found.items()
    }
