"""What a search's record says about luck: scores, fresh seeds one by one, and their learning curves."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpo.core.account import FreshRows
from hpo.core.events import End, FinalistsNamed, Reported
from hpo.core.fresh_seeds import FreshSeeds
from hpo.core.history import History
from hpo.core.json_values import JsonFields
from hpo.core.objective import Objective
from hpo.core.training_state import Training
from hpo.ledger.store import SearchLedger
from hpo.metrics.row_blocks import RowBlocks
from hpo.running.checkpoints import DamagedFile, read
from hpo.running.training_context import CONTRIBUTIONS
from hpo.selection.evidence import EpochLuck, Evidence, epoch_luck
from hpo.selection.reuse import Reuse
from hpo.spec import SearchSpec

Curves = dict[int, dict[int, list[float]]]
"""Finalist -> replicate -> the objective after each epoch, of full trainings only."""

UNLIKE = 0.05
"""Two shares of the rows that differ by more are mentioned."""


def ranked(history: History) -> list[Training]:
    """Return the fully trained trials: those that the finalists were chosen from."""
    return [t for t in history.trials if t.end is End.FINISHED and math.isfinite(t.value)]


def evidence_of(spec: SearchSpec, ledger: SearchLedger, history: History, kept: Path) -> Evidence:
    """Gather what the corrections of the best score need.

    Args:
        spec: What was searched.
        ledger: The record.
        history: The same, folded.
        kept: Folder of the files that trainings left.
    """
    assert history.opened is not None
    finalists = history.finalists.trials if history.finalists else ()
    objective, fresh = history.objective, spec.finalists.fresh
    curves = _curves(ledger, objective, spec.horizon, finalists)
    counted = {trial: list(fresh.by_seed(history.replicates(trial)).values()) for trial in finalists}
    finals = valued_on(spec, history) == "final"
    share = any(m.proportion for m in spec.metrics if m.name == objective.metric)
    examples, blocks = ({}, None) if fresh.folds else kept_examples(history, kept, finalists)
    return Evidence(
        objective,
        {t.trial: t.value for t in ranked(history)},
        {trial: _searched(history, fresh, curves, trial) for trial in finalists} if finals else counted,
        finals=counted if finals else {},
        examples=examples,
        blocks=blocks,
        n=examples_behind(history.opened.split, valued_on(spec, history)) if share else 0,
        luck=EpochLuck()
        if finals
        else epoch_luck({t: list(c.values()) for t, c in curves.items()}, objective),
        held_out=fresh.folds is not None,
        reuse=_reuse(history, valued_on(spec, history)),
    )


def _reuse(history: History, rows: FreshRows) -> Reuse:
    """Return the choices on the rows of fresh seeds: all trials, or winners alone where no trial saw them."""
    used = history.used_before
    if used is None:
        return Reuse()
    if rows == "validation":
        return Reuse(len(history.trials), used.trials)
    return Reuse(1, used.searches)


def valued_on(spec: SearchSpec, history: History) -> FreshRows:
    """Return the rows that fresh seeds are scored on.

    Early versions recorded no score on a final part, whatever the spec said.
    """
    if spec.finalists.folds is not None:
        return "folds"
    finalists = history.finalists.trials if history.finalists else ()
    scored = any(training.scores for trial in finalists for training in history.replicates(trial))
    return "final" if scored and spec.data.final_share is not None else "validation"


def examples_behind(split: JsonFields, rows: FreshRows) -> int:
    """Return the number of examples behind the value of a fresh seed.

    Args:
        split: The split on record.
        rows: As `valued_on` returns them.
    """
    return int(split["folds"]["rows"] if rows == "folds" else split["counts"][rows])


def notes_of(split: JsonFields) -> list[str]:
    """Return how fresh seeds differ from the search's trials, one sentence each.

    Args:
        split: The split on record.
    """
    counts, folds = split["counts"], split.get("folds")
    if not folds:
        return []
    fitted = 1 - sum(folds["held_out"]) / 2 / folds["rows"]
    before = counts["train"] / folds["rows"]
    if split.get("by") == "time":
        return ["folds are ordered by time, so the earlier ones train on fewer rows than the search did"]
    if abs(fitted - before) < UNLIKE:
        return []
    return [f"fresh seeds train on {fitted:.0%} of the rows, the search's trials on {before:.0%}"]


def kept_examples(
    history: History, kept: Path, finalists: tuple[int, ...]
) -> tuple[dict[int, NDArray[np.float64]], RowBlocks | None]:
    """Return what each example contributes to the value of each fresh seed [seeds, n], where it was kept.

    A file that is missing, damaged or not of these values is left out. The files also say which
    examples belong together.

    Args:
        history: The record, folded.
        kept: Folder of the files that trainings left.
        finalists: Trials to look up.
    """
    contributions, blocks = {}, None
    for trial in finalists:
        rows = []
        for training in history.replicates(trial):
            if training.end is End.FINISHED and training.examples:
                with contextlib.suppress(DamagedFile):
                    path = kept / Path(training.examples).name
                    arrays = read(path, training.examples_sha256)
                    row = arrays[CONTRIBUTIONS].astype(np.float64)
                    if np.isclose(row.mean(), training.value, rtol=1e-4, atol=1e-6):
                        rows.append(row)
                        if blocks is None and len(arrays) > 1:
                            blocks = RowBlocks.of(len(row), arrays.get("groups"), arrays.get("times"))
        if rows:
            contributions[trial] = np.stack(rows)
    return contributions, blocks


def _searched(history: History, fresh: FreshSeeds, curves: Curves, trial: int) -> list[float]:
    """Return a finalist's fresh values on the validation part of the search, seed by seed.

    A fresh seed picks its epoch on that part, as a trial of the search does, and is valued on another.
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
    reported: dict[int, dict[int, dict[int, float]]] = {trial: {} for trial in finalists}
    named = next((recorded.seq for recorded in ledger.read(kinds=[FinalistsNamed])), 0)
    for recorded in ledger.read(after=named, kinds=[Reported]):  # those before are the search's own
        report = recorded.event
        if isinstance(report, Reported) and report.replicate and report.trial in reported:
            curve = reported[report.trial].setdefault(report.replicate, {})
            curve[report.epoch] = report.metrics.get(objective.key, math.nan)
    return {
        trial: {
            replicate: [value for _, value in sorted(curve.items())]
            for replicate, curve in sorted(seeds.items())
            if len(curve) == horizon
        }
        for trial, seeds in reported.items()
    }
