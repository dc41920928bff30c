"""The part of an account that says how often its test part was opened, and for whom."""

from __future__ import annotations

from collections.abc import Sequence

from hpo.core.account import OpeningSummary
from hpo.core.estimates import ScoreInterval, intervals_of
from hpo.core.events import TestScored
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.likeness import SAME
from hpo.core.recipe import Recipe
from hpo.data import prepared
from hpo.ledger.opening import Opening
from hpo.ledger.store import SearchLedger
from hpo.selection.intervals import level_of_look
from hpo.selection.looks import restated
from hpo.spec import SearchSpec
from hpo.use_cases.model import register_policy
from hpo.use_cases.model.register_policy import moment

LOST = "unknown"
"""In place of a recipe's digest: a rescue may save a claim of the test part without its training."""


def openings_of(
    home: Home, spec: SearchSpec, ledger: SearchLedger, history: History
) -> tuple[OpeningSummary, ...]:
    """Return all searches' openings of the same test data; of practice data, this search's own.

    Args:
        home: Home of the search.
        spec: What was searched.
        ledger: The record.
        history: The same, folded.
    """
    assert history.opened is not None
    kept = prepared.read(home.data(history.opened.split["data"]))
    recorded = register_policy.openings_of(spec.data, kept) if kept else []
    openings = _summaries([opening for opening in recorded if opening.likeness == SAME])
    score, claim = history.score, history.claim
    if openings or score is None or claim is None:
        return openings
    (scored,) = ledger.read(kinds=[TestScored])
    training = history.trainings.get((claim.trial, claim.replicate))
    recipe = Recipe(training.recipe).digest if training else LOST
    scores = intervals_of(score.scores, score.methods, score.missing)
    return (OpeningSummary(moment(scored.time), claim.by, ledger.name, recipe, scores, 1.0),)


def _summaries(openings: Sequence[Opening]) -> tuple[OpeningSummary, ...]:
    """Return the openings, each with its intervals as issued and, of several, as they hold together."""
    return tuple(_summary(opening, number, len(openings)) for number, opening in enumerate(openings, 1))


def _summary(opening: Opening, number: int, count: int) -> OpeningSummary:
    scores = intervals_of(opening.scores)
    issued, level = level_of_look(opening.look or number), level_of_look(count)
    together = {}
    if count > 1:
        for name, score in scores.items():
            ends = restated(score.value, score.low, score.high, min(issued, level), level)
            together[name] = ScoreInterval(score.value, *ends)
    when = moment(opening.time)
    return OpeningSummary(
        when,
        opening.by,
        opening.search,
        opening.recipe,
        scores,
        opening.overlap,
        together,
        opening.predicted,
    )
