"""Open the test part of a search that kept it sealed."""

from __future__ import annotations

from hpo.core.command import ScriptCommand
from hpo.core.errors import Refused, UserError
from hpo.core.estimates import intervals_of
from hpo.core.events import SearchEnded, TestScored
from hpo.core.formatting import with_interval
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.outcome import Outcome, outcome_of
from hpo.data.recorded_cuts import CutsOnRecord
from hpo.ledger.searches import open_ledger, read_history
from hpo.ledger.store import SearchLedger
from hpo.spec import SearchSpec, parse_spec
from hpo.use_cases.accounting.files import numbers_of, write_account
from hpo.use_cases.dataset.split_dataset import split_dataset_of
from hpo.use_cases.kept_report import keep_report
from hpo.use_cases.model.code_policy import accepted_code
from hpo.use_cases.model.evaluation import evaluate
from hpo.use_cases.model.members import fix_model
from hpo.use_cases.model.winning_recipe import rewrite_recipe, write_recipe
from hpo.use_cases.search.assembly import staging_of
from hpo.use_cases.search.changed_code_check import complaint_of_changed_code
from hpo.use_cases.search.holding import held
from hpo.use_cases.search.mirror_process import mirror_running
from hpo.use_cases.search.run_options import RunOptions


def open_test_part(name: str, *, home: Home, again: str = "", changed_code: bool = False) -> Outcome:
    """Score the winner of a search on its test part, once.

    Args:
        name: The search's name.
        home: Home of the search.
        again: Why the test part is opened although the same data was opened before, for another
            search; empty to refuse that.
        changed_code: Whether to score with training code that has changed since the trials were trained;
            recorded.

    Raises:
        Refused: If it was scored before, the same data was opened before, the code has changed, or
            another process runs the search.
        UserError: If there is no such search, or it has no winner or no test part.
    """
    ledger = open_ledger(name, home)
    with held(home, ledger) as hold:
        history = read_history(ledger)
        if history.score is not None:
            raise Refused(f"the test part of {name} was opened before: {_scores_text(history.score)}")
        if history.winner is None:
            raise UserError(f"{name} has no winner yet; `hpo resume {name}` continues it")
        if history.opened and history.opened.split["test"] is None:
            raise UserError(f"the data of {name} has no test part")
        assert history.opened is not None
        spec = parse_spec(history.opened.spec, source=name)
        command = ScriptCommand.of(spec.trainable)
        if command is not None and not command.evaluate:
            raise UserError(
                f"{name} was searched without `trainable.evaluate`, so no test score can be measured"
            )
        code = accepted_code(name, spec, history, "test", accept=changed_code)
        hold.begin(RunOptions(again=again), after=history.seq)
        fix_model(ledger)
        ledger.append(code)
        _require_same_scores(home, spec, ledger)
        with mirror_running(home, ledger):
            try:
                evaluate(home, name, again, ledger.epoch)
            except Refused:
                _show_refusal(home, ledger, history)
                raise
            _export(home, ledger, history)
    history = read_history(ledger)
    assert history.exported is not None
    path, numbers = str(home.root / history.exported.path), numbers_of(name, home=home)
    return outcome_of(name, history, path, numbers)


def _require_same_scores(home: Home, spec: SearchSpec, ledger: SearchLedger) -> None:
    """Refuse to score with code that was changed since and gives another validation score."""
    history, folder = read_history(ledger), home.search(ledger.name)
    if not history.code_changes or history.claim is not None:
        return
    assert history.opened is not None
    cuts = CutsOnRecord.of_record(history.opened.split)
    staging = staging_of(spec, split_dataset_of(spec.data, spec.base, home, cuts), folder, history.code)
    complaint = complaint_of_changed_code(spec, staging, folder, ledger)
    if complaint:
        raise Refused(f"the test part of {ledger.name} stays sealed: {complaint}")


def _export(home: Home, ledger: SearchLedger, history: History) -> None:
    assert history.opened is not None
    spec = parse_spec(history.opened.spec, source=ledger.name)
    write_recipe(home, spec, ledger)
    write_account(ledger, home=home, status="done")
    keep_report(home, ledger, "done")
    ledger.append([SearchEnded("done")])


def _show_refusal(home: Home, ledger: SearchLedger, before: History) -> None:
    """Say in the recipe and the account of a search that ended before why its test part stays sealed."""
    history = read_history(ledger)
    if history.exported is None or history.opened is None or history.refused == before.refused:
        return
    rewrite_recipe(home, parse_spec(history.opened.spec, source=ledger.name), ledger)
    write_account(ledger, home=home, status=history.status)


def _scores_text(score: TestScored) -> str:
    scores = intervals_of(score.scores)
    return ", ".join(f"{metric} {with_interval(value)}" for metric, value in scores.items())
