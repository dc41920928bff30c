"""The account of a search from its record: what was tried, compared and chosen, and how lucky it was."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hpo.core.account import (
    Account,
    ChosenTrial,
    CodeChange,
    CodeUsed,
    Comparisons,
    FinalistRule,
    FreshValues,
    ValidationUse,
)
from hpo.core.attention import attention
from hpo.core.audit import ChainStanding
from hpo.core.baseline_comparison import baselines_in
from hpo.core.constraints_kept import constraints_kept
from hpo.core.data_account import DataFacts, LeaksSought
from hpo.core.effort import effort_of, expected_best
from hpo.core.estimates import LuckiestScore, ScoreEstimates, ScoreInterval, intervals_of
from hpo.core.events import End
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.json_values import JsonFields, fields_of
from hpo.core.proposals import counted
from hpo.core.search_setting import DataUsed, Folds, TestRows
from hpo.core.seeds import derive
from hpo.core.shipped_model import members_of
from hpo.core.spending import budget_use
from hpo.data import prepared
from hpo.ledger.searches import read_history
from hpo.ledger.store import SearchLedger
from hpo.selection.intervals import LEVEL, Interval
from hpo.selection.optimism import measure
from hpo.spec import SearchSpec, parse_spec
from hpo.use_cases.accounting.context import (
    fitted_on_training_rows,
    limits_of,
    opened_rows_of,
    origin_of,
    strata_in,
)
from hpo.use_cases.accounting.evidence import evidence_of, notes_of, ranked, valued_on
from hpo.use_cases.accounting.openings import openings_of
from hpo.use_cases.accounting.setting import search_setting
from hpo.use_cases.model.provenance import model_provenance
from hpo.use_cases.model.register_policy import moment

SPEC_FILE = "spec.yaml"
"""The spec on record, written beside the account."""


def gather_account(
    ledger: SearchLedger, *, home: Home, status: str = "", spec: SearchSpec | None = None
) -> Account:
    """Return the account of a search; no data is read and nothing is trained.

    Args:
        ledger: The search's record.
        home: Home of the search.
        status: How the search ends, if that is not on record yet.
        spec: Its spec, if that has been read already: reading a large one takes seconds.
    """
    name, history = ledger.name, read_history(ledger)
    assert history.opened is not None
    spec = spec or parse_spec(history.opened.spec, source=name)
    score, weights = history.score, home.search(name).weights
    numbers, baselines = _numbers(spec, ledger, history, weights), baselines_in(history)
    return Account(
        search=name,
        status=status or history.status,
        attention=attention(numbers, history.objective.metric, baselines),
        opened=moment(history.opened_at),
        spec=dict(history.opened.spec),
        digest=history.opened.digest,
        data=_data(home, spec, history),
        objective=history.objective,
        setting=search_setting(spec),
        trials={"started": len(history.trials), **{end.value: history.count(end) for end in End}},
        failures=Counter(str(t.cause) for t in history.trainings.values() if t.end is End.FAILED),
        comparisons=_comparisons(spec, history),
        finalists=_finalists(spec, history),
        fresh=tuple(_fresh(spec, history, trial) for trial in _named(history)),
        budget=budget_use(history),
        saved=history.finalists.reason if history.finalists else "",
        winner=_winner(history),
        model=model_provenance(history, spec.horizon, weights) if history.model else None,
        numbers=numbers,
        look=score.look if score else 0,
        look_reason=score.reason if score else "",
        level=score.level if score else LEVEL,
        test_refused=history.refused,
        openings=openings_of(home, spec, ledger, history),
        seeds=_seeds(spec, history),
        versions=dict(history.opened.versions),
        reproduce=_commands(name, home, spec),
        warnings=tuple(dict.fromkeys(history.warnings)),
        chain=ChainStanding.of(ledger.stored()),
        code=_code_used(history),
        baselines=baselines,
        soups=history.soups,
        validation_use=_validation_use(history),
        about=DataFacts.of_json(history.opened.about),
        test_rows=opened_rows_of(history),
        within=strata_in(history),
        fitted=fitted_on_training_rows(spec),
        leaks=LeaksSought.of_json(history.opened.leaks),
        effort=effort_of(history, spec.resources.cpus),
        expected=expected_best([training.value for training in ranked(history)], history.objective),
        origin=origin_of(spec, ledger, history, home),
        limits=tuple(limits_of(spec, history)),
        constraints=constraints_kept(history),
        proposed=counted(training.reason for training in history.trials),
        pauses=dict(history.pauses),
    )


def _code_used(history: History) -> CodeUsed:
    changes = tuple(
        CodeChange(change.at, change.files, change.packages, change in history.put_back)
        for change in history.code_changes
    )
    return CodeUsed(history.code, changes, history.source_code)


def _named(history: History) -> tuple[int, ...]:
    return history.finalists.trials if history.finalists else ()


def _data(home: Home, spec: SearchSpec, history: History) -> DataUsed:
    assert history.opened is not None
    split = history.opened.split
    kept, folds, test = prepared.read(home.data(split["data"])), split.get("folds"), split["test"]
    shipped = bool(kept and kept.info.practice)
    return DataUsed(
        source=spec.data.source,
        arguments=spec.data.arguments,
        fingerprint=split["data"],
        split=split["fingerprint"],
        counts=dict(split["counts"]),
        by=split.get("by", ""),
        folds=_folds(folds) if folds else None,
        test=TestRows(test["n"], test["fingerprint"]) if test else None,
        overlap=int(split.get("overlap", 0)),
        practice=shipped if spec.data.practice is None else spec.data.practice,
    )


def _folds(folds: JsonFields) -> Folds:
    smallest, largest = folds["held_out"]
    return Folds(folds["count"], folds["deals"], (smallest, largest), folds["rows"], folds["fingerprint"])


def _comparisons(spec: SearchSpec, history: History) -> Comparisons:
    compared = ranked(history)
    finalists = _named(history)
    return Comparisons(
        ranked=len(compared),
        at=history.objective.at,
        epochs=sum(t.epoch for t in compared),
        rungs=sum(t.epoch >= rung for t in history.trials for rung in spec.scheduler.rungs),
        finalists=len(finalists),
        fresh=sum(len(history.replicates(trial)) for trial in finalists),
    )


def _validation_use(history: History) -> ValidationUse | None:
    used = history.used_before
    return ValidationUse(used.searches + 1, used.trials + len(history.trials)) if used else None


def _finalists(spec: SearchSpec, history: History) -> FinalistRule:
    finalists = spec.finalists
    return FinalistRule(
        rule=finalists.rule,
        seeds=finalists.seeds,
        folds=finalists.folds,
        on=valued_on(spec, history),
        alpha=finalists.alpha if finalists.rule == "race" else None,
        saved=history.winner.saved if history.winner else 0,
    )


def _fresh(spec: SearchSpec, history: History, trial: int) -> FreshValues:
    """Return values of a finalist, seed by seed."""
    trainings = history.replicates(trial)
    values = spec.finalists.fresh.by_seed(trainings)
    return FreshValues(trial, tuple(values.values()), tuple(t.seed for t in trainings))


def _winner(history: History) -> ChosenTrial | None:
    winner = history.winner
    if winner is None:
        return None
    training = history.trainings[winner.trial, 0]
    return ChosenTrial(**fields_of(winner), point=dict(training.point), recipe=dict(training.recipe))


def _numbers(
    spec: SearchSpec, ledger: SearchLedger, history: History, weights: Path
) -> ScoreEstimates | None:
    if history.opened is None or history.winner is None or not ranked(history):
        return None
    evidence = evidence_of(spec, ledger, history, weights)
    optimism = measure(evidence, history.winner.trial, derive(spec.seed, "optimism"))
    return ScoreEstimates(
        raw=LuckiestScore(optimism.trial, optimism.raw),
        fresh=_interval(optimism.fresh) if optimism.fresh else None,
        bootstrap=optimism.bootstrap,
        winner=_interval(optimism.winner),
        test=_tested(history),
        notes=(*optimism.notes, *notes_of(history.opened.split)),
        corrected=_interval(optimism.corrected),
    )


def _tested(history: History) -> dict[str, ScoreInterval] | None:
    scored = history.score
    return intervals_of(scored.scores, scored.methods, scored.missing) if scored else None


def _interval(interval: Interval) -> ScoreInterval:
    return ScoreInterval(interval.value, interval.low, interval.high, interval.method)


def _seeds(spec: SearchSpec, history: History) -> dict[str, int]:
    """Seeds of the search, of its split, and of each training whose weights are the model."""
    seeds = {"search": spec.seed, "split": spec.data.split_seed}
    if history.winner:
        winner = history.trainings[history.winner.trial, history.winner.replicate]
        members = members_of(history) if history.model else [winner]
        seeds |= {"model" if not n else f"model {n + 1}": member.seed for n, member in enumerate(members)}
    return seeds


def _commands(name: str, home: Home, spec: SearchSpec) -> tuple[str, str]:
    """Commands that reproduce the model, and the search."""
    again = spec.base / f"{name}-again.yaml"
    return (
        f"hpo export {name} --out {name}-recipe.yaml && hpo verify {name}-recipe.yaml",
        f"cp {home.search(name).root / SPEC_FILE} {again} && hpo submit {again}",
    )
