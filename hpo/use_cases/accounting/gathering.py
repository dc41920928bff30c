"""The whole story of a search from its record: what was tried, compared, chosen, and how lucky it was."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpo.core.events import End, TestScored
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.recipe import Recipe
from hpo.core.record import fields_of
from hpo.core.seeds import derive
from hpo.core.shipped_model import members_of
from hpo.core.spending import budget_use
from hpo.data import prepared
from hpo.ledger.searches import open_ledger, read_history
from hpo.ledger.store import SearchLedger
from hpo.report.account import page
from hpo.selection.intervals import Interval
from hpo.selection.optimism import measure
from hpo.spec import SearchSpec, parse_spec
from hpo.spec.recipe_files import yaml_text
from hpo.use_cases.accounting.evidence import evidence_of, notes_of, ranked, valued_on
from hpo.use_cases.accounting.setting import search_setting
from hpo.use_cases.model.provenance import model_provenance
from hpo.use_cases.model.register_policy import described, moment, openings_of

SPEC_FILE = "spec.yaml"
"""The spec as it is on record, beside the account."""


def gather_account(name: str, *, home: Home, status: str = "") -> dict[str, Any]:
    """The account of a search, as a JSON value; no data is read and nothing is trained.

    Args:
        name: The search's name.
        home: Where it is kept.
        status: How it ends, where that is not on record yet.

    Raises:
        UserError: If there is no such search.
    """
    ledger = open_ledger(name, home)
    history = read_history(ledger)
    assert history.opened is not None
    spec = parse_spec(history.opened.spec, source=name)
    score, refused, again = history.score, history.refused, spec.base / f"{name}-again.yaml"
    return {
        "search": name,
        "status": status or history.status,
        "opened": moment(history.opened_at),
        "spec": dict(history.opened.spec),
        "digest": history.opened.digest,
        "data": _data(home, spec, history),
        "objective": dataclasses.asdict(history.objective),
        "setting": search_setting(spec),
        "trials": _trials(history),
        "failures": dict(Counter(str(t.cause) for t in history.trainings.values() if t.end is End.FAILED)),
        "comparisons": _comparisons(spec, history),
        "finalists": _finalists(spec, history),
        "fresh": _fresh(spec, history),
        "budget": {each.unit: {"spent": each.spent, "limit": each.limit} for each in budget_use(history)},
        "saved": history.finalists.reason if history.finalists else "",
        "winner": _winner(history),
        "model": model_provenance(history, spec.horizon, home.search(name).weights)
        if history.model
        else None,
        "numbers": _numbers(spec, ledger, history, home.search(name).weights),
        "look": score.look if score else 0,
        "look_reason": score.reason if score else "",
        "test_refused": fields_of(refused) if refused else None,
        "openings": _openings(home, spec, ledger, history),
        "seeds": _seeds(spec, history),
        "versions": dict(history.opened.versions),
        "reproduce": [
            f"hpo export {name} --out {name}-recipe.yaml && hpo verify {name}-recipe.yaml",
            f"cp {home.search(name).root / SPEC_FILE} {again} && hpo submit {again}",
        ],
        "warnings": list(dict.fromkeys(history.warnings)),
    }


def write_account(name: str, *, home: Home, status: str) -> None:
    """Write the account into the search's folder, as text and as JSON; MLflow shows both.

    The spec is put beside it, complete as it is on record, so that the search can be run again.

    Args:
        name: The search's name.
        home: Where it is kept.
        status: How the search is about to end.
    """
    told = gather_account(name, home=home, status=status)
    folder = home.search(name)
    folder.account.write_text(page(told), encoding="utf-8")
    folder.account.with_suffix(".json").write_text(json.dumps(_strict(told), indent=2), encoding="utf-8")
    # A file's relative paths and code are looked up beside it, so it does not say where that is.
    spec = {name: each for name, each in _strict(told["spec"]).items() if name != "base"}
    (folder.root / SPEC_FILE).write_text(yaml_text(spec), encoding="utf-8")


def numbers_of(name: str, *, home: Home) -> Mapping[str, Any] | None:
    """The numbers that the last account of a search sets side by side; None if none was written."""
    try:
        written = json.loads(home.search(name).account.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    found: Mapping[str, Any] | None = written.get("numbers")
    return found


def _strict(value: Any) -> Any:
    """The value with numbers that JSON does not have as null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _strict(each) for name, each in value.items()}
    return [_strict(each) for each in value] if isinstance(value, list | tuple) else value


def _data(home: Home, spec: SearchSpec, history: History) -> dict[str, Any]:
    assert history.opened is not None
    split = history.opened.split
    kept = prepared.read(home.data(split["data"]))
    shipped = bool(kept and kept.info.practice)
    return {
        "source": spec.data.source,
        "arguments": spec.data.arguments,
        "fingerprint": split["data"],
        "split": split["fingerprint"],
        "counts": dict(split["counts"]),
        "by": split.get("by", ""),
        "folds": split.get("folds"),
        "test": split["test"],
        "overlap": int(split.get("overlap", 0)),
        "practice": shipped if spec.data.practice is None else spec.data.practice,
    }


def _trials(history: History) -> dict[str, int]:
    return {"started": len(history.trials), **{end.value: history.count(end) for end in End}}


def _comparisons(spec: SearchSpec, history: History) -> dict[str, Any]:
    """Among how many values was chosen: each is a chance to be lucky."""
    compared = ranked(history)
    named = history.finalists.trials if history.finalists else ()
    fresh = [t for trial in named for t in history.replicates(trial)]
    return {
        "ranked": len(compared),
        "at": history.objective.at,
        "epochs": sum(t.epoch for t in compared),
        "rungs": sum(t.epoch >= rung for t in history.trials for rung in spec.scheduler.rungs),
        "finalists": len(named),
        "fresh": len(fresh),
    }


def _finalists(spec: SearchSpec, history: History) -> dict[str, Any]:
    """How the winner was found among the finalists."""
    said = spec.finalists
    return {
        "rule": said.rule,
        "seeds": said.seeds,
        "folds": said.folds,
        "on": valued_on(spec, history),
        "alpha": said.alpha if said.rule == "race" else None,
        "saved": history.winner.saved if history.winner else 0,
    }


def _fresh(spec: SearchSpec, history: History) -> list[dict[str, Any]]:
    """What every finalist reached, seed by seed, in rank order."""
    named = history.finalists.trials if history.finalists else ()
    found = []
    for trial in named:
        own = history.replicates(trial)
        values = spec.finalists.fresh.by_seed(own)
        seeds = [t.seed for t in own]
        found.append({"trial": trial, "values": list(values.values()), "training_seeds": seeds})
    return found


def _winner(history: History) -> dict[str, Any] | None:
    named = history.winner
    if named is None:
        return None
    training = history.trainings[named.trial, 0]
    return {**fields_of(named), "point": dict(training.point), "recipe": dict(training.recipe)}


def _numbers(
    spec: SearchSpec, ledger: SearchLedger, history: History, weights: Path
) -> dict[str, Any] | None:
    """Raw score, what is left of it without the luck, the winner's mean, the test score."""
    if history.opened is None or history.winner is None or not ranked(history):
        return None
    found = measure(
        evidence_of(spec, ledger, history, weights), history.winner.trial, derive(spec.seed, "optimism")
    )
    return {
        "raw": {"trial": found.trial, "value": found.raw},
        "fresh": _shown(found.fresh),
        "bootstrap": found.bootstrap,
        "winner": _shown(found.winner),
        "test": {k: dict(v) for k, v in history.score.scores.items()} if history.score else None,
        "notes": [*found.notes, *notes_of(history.opened.split)],
    }


def _shown(interval: Interval | None) -> dict[str, Any] | None:
    return {**interval.to_dict(), "method": interval.method} if interval else None


LOST = "unknown"
"""In place of a recipe's digest: `hpo rescue` keeps a claim of the test part though not what led to it."""


def _openings(home: Home, spec: SearchSpec, ledger: SearchLedger, history: History) -> list[dict[str, Any]]:
    """Looks at the same test data from all searches; of practice data, this search's own."""
    assert history.opened is not None
    kept = prepared.read(home.data(history.opened.split["data"]))
    looks = [described(each) for each in openings_of(spec.data, kept)] if kept else []
    score, claim = history.score, history.claim
    if looks or score is None or claim is None:
        return looks
    (scored,) = ledger.read(kinds=[TestScored])
    training = history.trainings.get((claim.trial, claim.replicate))
    recipe = Recipe(training.recipe).digest if training else LOST
    own = {"when": moment(scored.time), "by": claim.by, "search": ledger.name, "recipe": recipe}
    return [{**own, "scores": {k: dict(v) for k, v in score.scores.items()}, "overlap": 1.0}]


def _seeds(spec: SearchSpec, history: History) -> dict[str, int]:
    seeds = {"search": spec.seed, "split": spec.data.split_seed}
    if history.winner:
        made = (
            members_of(history)
            if history.model
            else [history.trainings[history.winner.trial, history.winner.replicate]]
        )
        seeds |= {"model" if not n else f"model {n + 1}": each.seed for n, each in enumerate(made)}
    return seeds
