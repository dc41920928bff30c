"""Compare the files of a search, its weights and its recipe, with what is on record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hpo.core.chain_check import Finding
from hpo.core.errors import HpoError
from hpo.core.file_digest import sha256_of
from hpo.core.formatting import count
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.json_values import differences
from hpo.core.shipped_model import members_of
from hpo.spec import parse_spec
from hpo.spec.recipe_files import recipe_text
from hpo.spec.yaml_text import parse_text, read_text
from hpo.use_cases.auditing.comparison import Comparison
from hpo.use_cases.model.winning_recipe import recipe_file

MOVED = ("provenance.model.folder", "provenance.base", "provenance.info")
"""Fields of a recipe that depend on where the home is and whether its data is still there."""


def compare_weights(name: str, history: History, home: Home) -> Comparison:
    """Compare the files that trainings left with the digests on record; the model's have to exist."""
    folder = home.search(name).weights
    required = {training.key for training in members_of(history)} if history.model else set()
    findings: list[Finding] = []
    compared = 0
    for training in history.trainings.values():
        files = ((training.weights, training.sha256), (training.examples, training.examples_sha256))
        for file, sha256 in files:
            path = folder / Path(file).name
            if not file or not sha256:
                continue
            compared += 1
            which = f"of trial {training.trial}, replicate {training.replicate}"
            if not path.is_file():
                if training.key in required and file == training.weights:
                    text = f"weights/{path.name} {which} is missing; the model consists of it"
                    findings.append(Finding("missing", f"weights/{path.name}", None, text))
            elif sha256_of(path) != sha256:
                text = f"weights/{path.name} {which} was swapped: its SHA-256 is not the one on record"
                findings.append(Finding("swapped", f"weights/{path.name}", None, text))
    return Comparison(
        (f"{count(compared, 'file')} of weights",) if compared else (), findings=tuple(findings)
    )


def compare_soups(history: History) -> Comparison:
    """Compare the recipes and weights that `hpo soup` wrote with the record; of one file, the last."""
    findings: list[Finding] = []
    notes: list[str] = []
    soups = {soup.path: soup for soup in history.soups}
    for soup in soups.values():
        recipe, weights = Path(soup.path), Path(soup.weights)
        if not recipe.is_file():
            notes.append(f"the soup {recipe} is no longer there, so it was not compared")
            continue
        if sha256_of(recipe) != soup.recipe_sha256:
            text = f"the soup {recipe} was changed: its SHA-256 is not the one on record"
            findings.append(Finding("changed", str(recipe), None, text))
        if not weights.is_file():
            text = f"{weights} is missing; the soup {recipe} consists of it"
            findings.append(Finding("missing", str(weights), None, text))
        elif sha256_of(weights) != soup.sha256:
            text = f"{weights} of the soup {recipe} was swapped: its SHA-256 is not the one on record"
            findings.append(Finding("swapped", str(weights), None, text))
    compared = (count(len(soups) - len(notes), "soup"),) if len(soups) > len(notes) else ()
    return Comparison(compared, tuple(notes), tuple(findings))


def compare_recipe(name: str, history: History, home: Home, edits: list[Finding]) -> Comparison:
    """Compare the recipe in the folder of a search with the one that the record gives.

    Args:
        name: Name of the search.
        history: Its state.
        home: Its home.
        edits: What the chain of the record shows.
    """
    path = home.search(name).recipe
    if history.exported is None:
        return Comparison()
    if not path.is_file():
        text = f"{path.name} is missing; `hpo export {name}` writes the recipe again"
        return Comparison(("the recipe",), findings=(Finding("missing", path.name, None, text),))
    if history.winner is None or history.model is None:
        return Comparison(notes=("the record fixes no model, so the recipe was not compared",))
    if edits:
        return Comparison(notes=(f"the record was edited, so {path.name} was not compared",))
    assert history.opened is not None
    spec = parse_spec(history.opened.spec, source=name)
    now = parse_text(recipe_text(recipe_file(spec, name, history, home)), name).value
    try:
        before = read_text(path).value
    except HpoError as error:
        text = f"{path.name} was changed: it cannot be read ({error})"
        return Comparison(("the recipe",), findings=(Finding("changed", path.name, None, text),))
    findings = (
        Finding(
            "changed", path.name, None, f"{path.name} was changed: {field} is {recorded}, on record {current}"
        )
        for field, current, recorded in _different(now, before)
    )
    return Comparison(("the recipe",), findings=tuple(findings))


def _different(now: object, before: object) -> Iterator[tuple[str, object, object]]:
    for field, current, recorded in differences(now, before):
        if not field.startswith(MOVED):
            yield field, current, recorded
