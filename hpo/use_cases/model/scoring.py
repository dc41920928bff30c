"""Open the test part, score the fixed model on it, and tell failures of its code from unread data."""

from __future__ import annotations

from dataclasses import dataclass

from hpo.core.errors import HpoError, Refused, UserError
from hpo.core.events import BaselinesScored, TestDescribed, TestScored, Warned
from hpo.core.raised_errors import error_text, with_line
from hpo.core.seeds import derive
from hpo.core.trainable import Examples, Metric
from hpo.core.unread_claims import FAILED
from hpo.data.sealed_part import open_test
from hpo.ledger.store import SearchLedger
from hpo.metrics.assessment import Assessment, assess
from hpo.metrics.row_blocks import RowBlocks
from hpo.running.thread_limits import limited_threads
from hpo.selection.intervals import level_of_look
from hpo.selection.score_intervals import assessed_intervals
from hpo.use_cases.dataset.code_check import refusal_of as refusal_of_code
from hpo.use_cases.dataset.staging import load_trainable
from hpo.use_cases.model.members import models_of
from hpo.use_cases.model.opening_details import baselines_of_test, description_of_test
from hpo.use_cases.model.scoring_task import ScoringTask

MESSAGE = 500
"""Characters of an error of the user's code that go on record."""


@dataclass(frozen=True)
class Scored:
    """The score of an opening, and what goes on record beside it."""

    score: TestScored
    details: tuple[BaselinesScored | TestDescribed, ...]


class NotOpened(HpoError):
    """A shipped data source could not read the test part; nobody's code has seen a row."""


class ScoreFailed(HpoError):
    """The model's predictions for the test part were seen, but no score came of them."""


def recorded_score(ledger: SearchLedger, task: ScoringTask, look: int, reason: str) -> Scored:
    """Open the test part and score the model; a failure of its code is on record before it is raised.

    The claim stays valid: no score was known, so the fixed code can score the same weights. Once the code
    has had the test rows, that is a further look.

    Raises:
        HpoError: If the trainable or its data source failed.
        Refused: If the test data changed since it was sealed.
    """
    try:
        return _score(task, look, reason)
    except (Refused, NotOpened):
        raise
    except Exception as error:
        seen = isinstance(error, ScoreFailed)
        counted = ", which counts as a look, since its code had the test rows" if seen else ""
        again = " --again --reason TEXT" if seen else ""
        command = f"`hpo test {ledger.name} --changed-code{again}`"
        text = f"{FAILED}{counted}: {_where(error)}; fix the code, and {command} scores the same weights"
        ledger.append([Warned(text)])
        raise (ScoreFailed(text) if seen else HpoError(text)) from error


def _where(error: Exception) -> str:
    """Return an error in one line with the line of code that raised it."""
    if isinstance(error, HpoError):
        return str(error)
    return with_line(" ".join(error_text(error).split())[:MESSAGE], error)


def _score(task: ScoringTask, look: int, reason: str) -> Scored:
    """Open the test part and score the model."""
    spec, data = task.spec, task.spec.data
    if task.changed:
        raise Refused(refusal_of_code(spec.name, task.changed, spec.base))
    trainable = load_trainable(spec.trainable, spec.base)
    try:
        examples = open_test(
            data.source, data.source_arguments, spec.base, task.sealed, task.dataset.cut_file, task.key
        )
    except UserError as error:
        if ":" in data.source:  # a user's own source may have shown the rows before it failed
            raise
        raise NotOpened(f"{error}; `hpo test` scores the same model once the data is back") from error
    try:
        with limited_threads(spec.resources.threads):
            assessment = assess(trainable, models_of(trainable, task.members, examples.info), examples)
    except Exception as error:
        raise error if task.exempt else ScoreFailed(_where(error)) from error
    seed = derive(spec.seed, "intervals")
    blocks = RowBlocks.of(len(examples), examples.groups, examples.times)
    intervals = assessed_intervals(assessment, trainable.metrics, len(examples), seed, look, blocks)
    score = TestScored(
        scores={name: interval.to_dict() for name, interval in intervals.items()},
        n=len(examples),
        fingerprint=task.sealed.fingerprint,
        practice=task.practice,
        look=look,
        reason=reason,
        level=level_of_look(look),
        methods={name: interval.method for name, interval in intervals.items()},
        missing={name: interval.missing for name, interval in intervals.items() if interval.missing},
    )
    return Scored(score, _details(task, assessment, examples, trainable.metrics, look))


def _details(
    task: ScoringTask, assessment: Assessment, examples: Examples, metrics: tuple[Metric, ...], look: int
) -> tuple[BaselinesScored | TestDescribed, ...]:
    """Return what goes on record beside the score."""
    described = description_of_test(examples, assessment)
    if task.developed is None:
        return (described,)
    baselines = baselines_of_test(
        task.spec, task.developed, task.history, examples, assessment, metrics, look, level_of_look(look)
    )
    return (baselines, described)
