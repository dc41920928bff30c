"""Register the shipped model of a search in MLflow's model registry."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from hpo.core.command import ScriptCommand
from hpo.core.errors import HpoError, UserError
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.import_folders import import_folders
from hpo.core.visible_text import one_line
from hpo.data.prepared import info_from_json
from hpo.ledger.searches import open_ledger, read_history
from hpo.spec.recipe_files import RecipeFile, read_recipe
from hpo.tracking.model_registry import RECIPE, ModelFolder, RegisteredModel, name_of, register, require_name
from hpo.tracking.run_changes import Unreachable
from hpo.tracking.run_names import search_id
from hpo.tracking.target import Target
from hpo.use_cases.export import export_recipe
from hpo.use_cases.mirror import mirror_search


def export_to_mlflow(name: str, *, home: Home, model: str = "") -> RegisteredModel:
    """Register the shipped model of a search, linked to the search's run.

    Args:
        name: Name of the search.
        home: Home of the search.
        model: Name of the registered model; empty for the search's experiment, so that later searches
            of the same spec become its next versions.

    Returns:
        The version, which may exist already.

    Raises:
        UserError: If there is no such search, it has no shipped model, its data is no longer described,
            or MLflow does not accept the name.
        Refused: If the search is running.
        HpoError: If MLflow cannot be reached.
    """
    ledger = open_ledger(name, home)
    target = Target.of(home)
    with tempfile.TemporaryDirectory(prefix="hpo-export-") as scratch:
        folder = Path(scratch) / "model"
        folder.mkdir()
        recipe_path = folder / RECIPE
        export_recipe(name, home=home, out=recipe_path, weights=True)
        recipe = read_recipe(recipe_path)
        _copy_code(recipe, folder)
        history = read_history(ledger)
        assert history.opened is not None
        experiment = str(history.opened.spec["experiment"])
        model = model or name_of(experiment)
        require_name(model)
        mirror_search(name, home=home)
        opened = next(iter(ledger.read()))
        files = _folder(folder, recipe, history, experiment, search_id(name, opened))
        try:
            return register(files, model, target)
        except Unreachable as error:
            raise HpoError(f"MLflow at {target.shown} cannot be reached: {error}") from error


def _folder(folder: Path, recipe: RecipeFile, history: History, experiment: str, search: str) -> ModelFolder:
    provenance = recipe.provenance
    info, name = provenance.get("info"), str(provenance["search"])
    if ScriptCommand.of(recipe.trainable):
        raise UserError(f"{name} searched a command, which MLflow cannot predict with")
    if not isinstance(info, Mapping):
        raise UserError(f"the data of {name} is no longer in its home, so MLflow cannot use its model")
    tags = {"search": name, "trial": str(provenance["trial"]), "kind": str(provenance["model"]["kind"])}
    return ModelFolder(
        folder,
        search,
        experiment,
        str(provenance["model"]["digest"]),
        info_from_json(info),
        dict(history.versions),
        tags,
        f"The shipped model of the search {one_line(name)}: trial {provenance['trial']}.",
    )


def _copy_code(recipe: RecipeFile, folder: Path) -> None:
    """Copy the user's own training code beside the recipe, from where it is imported first."""
    base = Path(str(recipe.provenance["base"]))
    for file in recipe.provenance.get("code") or {}:
        for root in import_folders(base):
            if (root / file).is_file():
                target = folder / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(root / file, target)
                break
