"""The recipe a search ends in, as a file that says where it comes from."""

from __future__ import annotations

import dataclasses
import math
import shutil
from pathlib import Path
from typing import Any, Literal

from hpo.core.errors import UserError
from hpo.core.events import RecipeExported
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.recipe import Recipe
from hpo.core.record import fields_of
from hpo.core.shipping import members_of, model_of, to_train
from hpo.data import prepared
from hpo.ledger.store import SearchLedger
from hpo.spec import SearchSpec, parse
from hpo.spec.recipes import RecipeFile, recipe_text
from hpo.use_cases.provenance import model_said, score_of
from hpo.use_cases.reading import open_ledger, read_history


def export(
    name: str,
    *,
    home: Home,
    format: Literal["yaml", "json"] = "yaml",
    out: Path | None = None,
    weights: bool = False,
) -> str:
    """The winner's recipe as text, written to a file if one is named.

    Args:
        name: The search's name.
        home: Where it is kept.
        format: Form of the text.
        out: Where to write it; None to have it.
        weights: Whether to put the model's weights beside that file, so that both can be carried
            away together.

    Returns:
        The text, or the file's path if it was written.

    Raises:
        UserError: If there is no such search, it has no winner, or its model is still to be trained.
    """
    ledger = open_ledger(name, home)
    history = read_history(ledger)
    if history.winner is None:
        raise UserError(f"{name} has no winner yet; `hpo best {name}` shows the best trial so far")
    if to_train(history) is not None:
        raise UserError(f"the model of {name} is still to be trained; `hpo resume {name}` does it")
    assert history.opened is not None
    spec = parse(history.opened.spec, source=name)
    file = recipe_file(spec, name, history, home)
    text = recipe_text(file, format)
    if out is None:
        if weights:
            raise UserError("--weights needs --out FILE: they are put beside it")
        return text
    try:
        out.write_text(text)
        if weights:
            _copy_weights(file, home.search(name).weights, weights_beside(out))
    except OSError as error:
        raise UserError(f"--out {out}: {error.strerror}") from error
    return str(out)


def weights_beside(recipe: Path) -> Path:
    """Folder of the weights that go with a recipe file."""
    return recipe.with_name(f"{recipe.stem}.weights")


def _copy_weights(file: RecipeFile, source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for member in file.provenance["model"]["members"]:
        name = Path(member["file"]).name
        shutil.copyfile(source / name, target / name)


def write_recipe(home: Home, spec: SearchSpec, ledger: SearchLedger) -> None:
    """Write the winner's recipe into the search's folder and put that on record."""
    file = recipe_file(spec, ledger.name, read_history(ledger), home)
    path = home.search(ledger.name).recipe
    path.write_text(recipe_text(file))
    ledger.append([RecipeExported(str(path.relative_to(home.root)), Recipe(file.recipe).digest)])


def recipe_file(spec: SearchSpec, name: str, history: History, home: Home) -> RecipeFile:
    """The winner's recipe with its provenance: enough to train the very model again, and to use it."""
    winner, opened = history.winner, history.opened
    assert winner is not None
    assert opened is not None
    if history.model is None:  # of a search from before models were fixed
        history = dataclasses.replace(history, model=model_of(history))
    training = members_of(history)[0]
    _, value = score_of(training, history.objective)
    kept = prepared.read(home.data(opened.split["data"]))
    provenance: dict[str, Any] = {
        "search": name,
        "trial": winner.trial,
        "seed": training.seed,
        "horizon": spec.horizon,
        "threads": spec.resources.threads,
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
        "test": history.score.scores if history.score else None,
        **_looked(history),
        "model": model_said(history, spec.horizon, home.search(name).weights),
        "weights": {"file": training.weights, "sha256": training.sha256},
        "data": opened.spec["data"],
        "info": prepared.info_to_json(kept.info) if kept else None,
        "base": str(spec.base),
        "split": opened.split,
        "rows": {
            "split": training.split,
            "folds": spec.finalists.folds,
            "repeated": spec.finalists.repeated,
            "seeds": spec.finalists.seeds,
        },
        "spec": opened.digest,
        "versions": dict(opened.versions),
    }
    recipe = history.trainings[winner.trial, 0].recipe
    return RecipeFile(spec.trainable, recipe, provenance)


def _looked(history: History) -> dict[str, Any]:
    """What must be known of the test score beside its value; nothing of a first look."""
    score, refused = history.score, history.refused
    if score is not None and score.look > 1:
        return {"test_look": score.look, "test_reason": score.reason}
    return {"test_refused": fields_of(refused)} if refused else {}
