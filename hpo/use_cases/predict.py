"""What an exported recipe's model says of new data: exactly the weights that were tested, or nothing."""

from __future__ import annotations

import csv
import io
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.recipe import Recipe
from hpo.core.shipped_model import digest_of
from hpo.core.trainable import Array, Arrays, AssessesExamples, DataInfo, Examples, Trainable
from hpo.data.prepared import info_from_json
from hpo.running import checkpoints
from hpo.spec.recipe_files import RecipeFile, read_recipe
from hpo.use_cases.dataset.staging import load_trainable
from hpo.use_cases.export import weights_beside
from hpo.use_cases.model.members import ModelMember, outputs_of
from hpo.use_cases.model.provenance import training_records_of
from trainables.data.unlabelled import read_unlabelled


@dataclass(frozen=True)
class Predictions:
    """What a model says of every row.

    Attributes:
        kind: Of the model: ``best``, ``retrained``, ``averaged`` or ``ensemble``.
        digest: Of its weights.
        names: What each row is called.
        predicted: Class name or value of each row.
        classes: The classes' names; empty for regression.
        probabilities: [n, classes]; None where the trainable does not tell.
        warnings: What a user should know of the data, each a sentence.
    """

    kind: str
    digest: str
    names: tuple[str, ...]
    predicted: tuple[str | float, ...]
    classes: tuple[str, ...]
    probabilities: NDArray[np.float64] | None
    warnings: tuple[str, ...] = ()

    def head(self) -> list[str]:
        """Names of the columns of `rows`."""
        shares = self.classes if self.probabilities is not None else ()
        return ["row", "predicted", *(f"probability_{name}" for name in shares)]

    def rows(self) -> Iterator[list[str | float]]:
        """Name, prediction and probabilities of one row after the other."""
        for row, (name, said) in enumerate(zip(self.names, self.predicted, strict=True)):
            shares = [] if self.probabilities is None else self.probabilities[row].tolist()
            yield [name, said, *shares]

    def to_csv(self) -> str:
        """All rows with their head."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(self.head())
        writer.writerows([_short(each) for each in row] for row in self.rows())
        return stream.getvalue()

    def to_json(self) -> dict[str, Any]:
        """The same as a JSON value."""
        rows = [dict(zip(self.head(), row, strict=True)) for row in self.rows()]
        return {"model": self.kind, "digest": self.digest, "rows": rows, "warnings": list(self.warnings)}


def predict_file(path: Path, data: Path) -> Predictions:
    """Ask an exported recipe's model about data without targets.

    The weights are looked for beside the recipe (in ``<its name>.weights``, in its folder) and then
    where the search kept them; wherever they are found, they must be the very ones.

    Args:
        path: The recipe file.
        data: A folder of images, a ``.csv`` or ``.parquet`` table, or an ``.npy`` array.

    Raises:
        UserError: If the recipe names no model, its weights are nowhere or are others, or the data
            is not of the kind that it was trained on.
    """
    recipe = read_recipe(path)
    said = recipe.provenance
    model, info = said.get("model"), said.get("info")
    if not isinstance(model, Mapping) or not isinstance(info, Mapping):
        raise UserError(
            f"{path}: provenance names no model with its data; `hpo export` writes recipes that do"
        )
    known = info_from_json(info)
    members = _members(recipe, path, str(model.get("digest", "")), str(model.get("folder", "")))
    source = said.get("data")
    arguments = source.get("arguments") if isinstance(source, Mapping) else None
    given = read_unlabelled(data, known, arguments if isinstance(arguments, Mapping) else {})
    trainable = load_trainable(recipe.trainable, _base(recipe, path))
    n = len(given.names)
    examples = Examples(given.inputs, np.zeros(n, np.int64), np.arange(n), known)
    try:
        outputs = np.asarray(outputs_of(trainable, members, known, examples))
    except Exception as error:  # of the trainable's code, which the recipe chose
        said_of_it = "".join(traceback.format_exception_only(error)).strip()[:1000]
        raise UserError(f"{path}: its weights and its recipe make no model: {said_of_it}") from error
    predicted, shares = _told(trainable, outputs, known)
    kind = str(model.get("kind", "best"))
    return Predictions(
        kind, str(model["digest"]), given.names, predicted, known.classes, shares, given.warnings
    )


def _base(recipe: RecipeFile, path: Path) -> Path:
    """Folder of a user's own code: beside the recipe, otherwise where the search found it."""
    beside = path.absolute().parent
    module = Path(*recipe.trainable.partition(":")[0].split("."))
    there = any((beside / name).exists() for name in (module, module.with_suffix(".py")))
    return beside if there else Path(recipe.provenance.get("base") or beside)


def _members(recipe: RecipeFile, path: Path, digest: str, folder: str) -> tuple[ModelMember, ...]:
    made = training_records_of(recipe, path)
    if digest_of([each.sha256 for each in made]) != digest:
        raise UserError(
            f"{path}: the digest of its model is not that of the weights it names; export it again"
        )
    places = [weights_beside(path), path.absolute().parent, Path(folder)]
    return tuple(ModelMember(Recipe(each.recipe), _weights(each.file, each.sha256, places)) for each in made)


def _weights(file: str, sha256: str, places: Sequence[Path]) -> Arrays:
    """Read weights from the first place that has the very ones.

    Raises:
        UserError: If none has; of others that lie there it says so.
    """
    strangers = []
    for place in places:
        found = place / Path(file).name
        if not found.is_file():
            continue
        try:
            return checkpoints.read(found, sha256)
        except checkpoints.DamagedFile:
            strangers.append(str(found))
    if strangers:
        raise UserError(
            f"{', '.join(strangers)}: not the weights that were tested (SHA-256 {sha256[:16]}...), "
            "so nothing is predicted with them"
        )
    looked = ", ".join(dict.fromkeys(map(str, places)))
    raise UserError(
        f"the model's weights {file} are in none of {looked}; `hpo export SEARCH --out FILE --weights` "
        "puts them beside the recipe"
    )


def _told(
    trainable: Trainable, outputs: Array, info: DataInfo
) -> tuple[tuple[str | float, ...], NDArray[np.float64] | None]:
    """Class names or values, and probabilities where the trainable tells them."""
    if info.task == "regression":
        return tuple(map(float, outputs.reshape(len(outputs)))), None
    labels = outputs.argmax(1) if outputs.ndim == 2 else outputs
    names = tuple(info.classes[int(label)] for label in labels)
    shares = trainable.probabilities(outputs) if isinstance(trainable, AssessesExamples) else None
    return names, None if shares is None else np.asarray(shares, np.float64)


def _short(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.7g}"
