"""Export the recipe of a finished search."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.core.private_files import replace_file
from hpo.core.shipped_model import to_train
from hpo.ledger.searches import open_ledger, read_history
from hpo.spec import parse_spec
from hpo.spec.recipe_files import RecipeFile, recipe_text
from hpo.use_cases.model.winning_recipe import recipe_file


def export_recipe(
    name: str,
    *,
    home: Home,
    format: Literal["yaml", "json"] = "yaml",
    out: Path | None = None,
    weights: bool = False,
) -> str:
    """Return the winner's recipe as text, or write it to a file.

    Args:
        name: The search's name.
        home: Home of the search.
        format: Format of the text.
        out: File to write; None to return the text.
        weights: Whether to copy the model's weights beside that file, so that both can be moved
            together.

    Returns:
        The text, or the path of the file that was written.

    Raises:
        UserError: If there is no such search, it has no winner, or its model is not trained yet.
    """
    ledger = open_ledger(name, home)
    history = read_history(ledger)
    if history.winner is None:
        raise UserError(f"{name} has no winner yet; `hpo best {name}` shows the best trial so far")
    if to_train(history) is not None:
        raise UserError(f"the model of {name} is not trained yet; `hpo resume {name}` trains it")
    assert history.opened is not None
    spec = parse_spec(history.opened.spec, source=name)
    file = recipe_file(spec, name, history, home)
    text = recipe_text(file, format)
    if out is None:
        if weights:
            raise UserError("--weights needs --out FILE: the weights are copied beside it")
        return text
    try:
        if weights:
            _copy_weights(file, home.search(name).weights, weights_beside(out))
        if out.exists() and not out.is_file():  # such as /dev/stdout
            out.write_text(text)
        else:
            replace_file(out.resolve(), text, 0o666)
    except OSError as error:
        raise UserError(f"--out {out}: {error.strerror}") from error
    return str(out)


def weights_beside(recipe: Path) -> Path:
    """Return the folder of the weights that belong to a recipe file."""
    return recipe.with_name(f"{recipe.stem}.weights")


def _copy_weights(file: RecipeFile, source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for member in file.provenance["model"]["members"]:
        name = Path(member["file"]).name
        replace_file(target / name, (source / name).read_bytes(), 0o666)
