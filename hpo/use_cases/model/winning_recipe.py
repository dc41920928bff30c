"""The recipe of a search's winner with its provenance: enough to use the model and to train it again."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from hpo.core.constraints_kept import constraints_kept
from hpo.core.events import RecipeExported
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.json_values import JsonObject, fields_of, jsonable
from hpo.core.private_files import replace_file
from hpo.core.recipe import Recipe
from hpo.core.shipped_model import members_of, model_of
from hpo.data import prepared
from hpo.ledger.searches import read_history
from hpo.ledger.store import SearchLedger
from hpo.spec import SearchSpec
from hpo.spec.recipe_files import RecipeFile, recipe_text
from hpo.use_cases.model.provenance import model_provenance, score_of
from trainables.data.unlabelled_items import item_types


def write_recipe(home: Home, spec: SearchSpec, ledger: SearchLedger) -> None:
    """Write the winner's recipe into the search's folder and record the export."""
    file = rewrite_recipe(home, spec, ledger)
    path = home.search(ledger.name).recipe
    ledger.append([RecipeExported(str(path.relative_to(home.root)), Recipe(file.recipe).digest)])


def rewrite_recipe(home: Home, spec: SearchSpec, ledger: SearchLedger) -> RecipeFile:
    """Write the same recipe again with what its provenance has to say now."""
    file = recipe_file(spec, ledger.name, read_history(ledger), home)
    replace_file(home.search(ledger.name).recipe, recipe_text(file))
    return file


def recipe_file(spec: SearchSpec, name: str, history: History, home: Home) -> RecipeFile:
    """Return the winner's recipe with its provenance."""
    winner, opened = history.winner, history.opened
    assert winner is not None
    assert opened is not None
    if history.model is None:  # a search from before models were fixed
        history = dataclasses.replace(history, model=model_of(history))
    training = members_of(history)[0]
    _, value = score_of(training, history.objective)
    dataset = prepared.read(home.data(opened.split["data"]))
    provenance: dict[str, Any] = {
        "search": name,
        "trial": winner.trial,
        "seed": training.seed,
        "horizon": spec.horizon,
        "threads": spec.resources.threads,
        **spec.resources.several_processes,
        "device": "cuda" if spec.resources.gpus else "cpu",
        "objective": {
            "metric": spec.objective.metric,
            "mode": spec.objective.mode,
            "at": spec.objective.at,
        },
        "validation": {
            "mean": winner.mean,
            "std": winner.std if math.isfinite(winner.std) else None,
            "n": winner.n,
            "this_model": value if math.isfinite(training.value) else None,
        },
        **_constraints(history),
        "test": jsonable(history.score.scores) if history.score else None,
        **_test_remarks(history),
        "model": jsonable(model_provenance(history, spec.horizon, home.search(name).weights)),
        "weights": {"file": training.weights, "sha256": training.sha256},
        "data": opened.spec["data"],
        "info": prepared.info_to_json(dataset.info) if dataset else None,
        **_types(dataset),
        "base": str(spec.base),
        "split": opened.split,
        "rows": {
            "split": training.split,
            "folds": spec.finalists.folds,
            "repeated": spec.finalists.repeated,
            "seeds": spec.finalists.seeds,
        },
        "spec": opened.digest,
        "versions": dict(history.versions),
        **({"code": dict(history.code)} if history.code else {}),
        **({"source_code": dict(history.source_code)} if history.source_code else {}),
        **_chain(history),
    }
    recipe = history.trainings[winner.trial, 0].recipe
    return RecipeFile(spec.trainable, recipe, jsonable(provenance))  # an earlier score may have no interval


def _constraints(history: History) -> JsonObject:
    """Return the constraints with the model's values; nothing without constraints."""
    kept = constraints_kept(history)
    return {"constraints": jsonable(kept.constraints)} if kept else {}


def _types(dataset: prepared.Prepared | None) -> JsonObject:
    """Return the numpy types of the arrays of a map-style data set, as which new items are predicted."""
    if dataset is None or dataset.info.kind != "items":
        return {}
    return {"types": item_types(dataset.inputs().dtype, dataset.info)}


def _chain(history: History) -> JsonObject:
    """Return the head of a chain that covers the search from its first event on; else nothing."""
    if history.chained_from != 1 or history.concluded is None:
        return {}
    return {"chain": {"events": history.concluded.events, "head": history.concluded.digest}}


def _test_remarks(history: History) -> JsonObject:
    """Return what qualifies the test score; empty for a first look."""
    score, refused = history.score, history.refused
    if score is not None and (score.look > 1 or score.reason):
        return {"test_look": score.look, "test_reason": score.reason}
    return {"test_refused": fields_of(refused)} if refused else {}
