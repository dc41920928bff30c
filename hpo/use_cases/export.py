"""The recipe a search ends in, as a file that says where it comes from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

from hpo.core.errors import UserError
from hpo.core.events import RecipeExported, body
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.recipe import Recipe
from hpo.ledger.store import SearchLedger, Store
from hpo.spec import SearchSpec, parse
from hpo.spec.recipes import RecipeFile, recipe_text
from hpo.use_cases.reading import read_history


def export(
    name: str, *, home: Home, format: Literal["yaml", "json"] = "yaml", out: Path | None = None
) -> str:
    """The winner's recipe as text, written to a file if one is named.

    Returns:
        The text, or the file's path if it was written.

    Raises:
        UserError: If there is no such search or it has no winner.
    """
    ledger = Store.at(home.ledger).open(name)
    history = read_history(ledger)
    if history.winner is None:
        raise UserError(f"{name} has no winner yet; `hpo best {name}` shows the best trial so far")
    assert history.opened is not None
    spec = parse(history.opened.spec, source=name)
    text = recipe_text(recipe_file(spec, name, history), format)
    if out is None:
        return text
    try:
        out.write_text(text)
    except OSError as error:
        raise UserError(f"--out {out}: {error.strerror}") from error
    return str(out)


def write_recipe(home: Home, spec: SearchSpec, ledger: SearchLedger) -> None:
    """Write the winner's recipe into the search's folder and put that on record."""
    file = recipe_file(spec, ledger.name, read_history(ledger))
    path = home.search(ledger.name).recipe
    path.write_text(recipe_text(file))
    ledger.append([RecipeExported(str(path.relative_to(home.root)), Recipe(file.recipe).digest)])


def recipe_file(spec: SearchSpec, name: str, history: History) -> RecipeFile:
    """The winner's recipe with its provenance: enough to train the very model again."""
    winner, opened = history.winner, history.opened
    assert winner is not None
    assert opened is not None
    training = history.trainings[winner.trial, winner.replicate]
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
            "this_model": training.value,
        },
        "test": history.score.scores if history.score else None,
        **_looked(history),
        "weights": {"file": training.weights, "sha256": training.sha256},
        "data": opened.spec["data"],
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
    return RecipeFile(spec.trainable, training.recipe, provenance)


def _looked(history: History) -> dict[str, Any]:
    """What must be known of the test score beside its value; nothing of a first look."""
    score, refused = history.score, history.refused
    if score is not None and score.look > 1:
        return {"test_look": score.look, "test_reason": score.reason}
    return {"test_refused": body(refused)} if refused else {}
