"""Predict new data with an exported recipe: with exactly the weights that were tested, or not at all."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.command import ScriptCommand
from hpo.core.errors import NoPredictions, UserError
from hpo.core.home import Home
from hpo.core.json_values import JsonFields, JsonObject
from hpo.core.raised_errors import error_text, with_line
from hpo.core.recipe import Recipe
from hpo.core.shipped_model import digest_of
from hpo.core.trainable import (
    AS_FLOATS,
    Array,
    Arrays,
    AssessesExamples,
    DataInfo,
    Examples,
    Model,
    Trainable,
)
from hpo.data.prepared import info_from_json
from hpo.metrics.assessment import outputs_of
from hpo.metrics.labels import labels_of, outputs_complaint
from hpo.running import checkpoints
from hpo.spec.recipe_files import RecipeFile, code_folder, read_recipe
from hpo.use_cases.dataset.staging import load_trainable
from hpo.use_cases.export import weights_beside
from hpo.use_cases.model.code_policy import changes_of_code
from hpo.use_cases.model.members import ModelMember, models_of
from hpo.use_cases.model.prediction_look import look_recorded
from hpo.use_cases.model.provenance import training_records_of
from trainables.data.unlabelled import read_unlabelled

if TYPE_CHECKING:
    import pandas as pd


NO_COMMAND_PREDICTS = (
    "`hpo predict` cannot use the checkpoint of a script that `trainable.command` runs; predict with the "
    "script itself"
)


@dataclass(frozen=True)
class Predictions:
    """A model's prediction for every row.

    Attributes:
        kind: Kind of the model: ``best``, ``retrained``, ``averaged`` or ``ensemble``.
        digest: Of its weights.
        names: Name of each row.
        predicted: Class name or value of each row.
        classes: Names of the classes; empty for regression.
        probabilities: [n, classes]; None if the trainable does not compute any.
        warnings: What a user should know about the data, one sentence each.
    """

    kind: str
    digest: str
    names: tuple[str, ...]
    predicted: tuple[str | float, ...]
    classes: tuple[str, ...]
    probabilities: NDArray[np.float64] | None
    warnings: tuple[str, ...] = ()

    def head(self) -> list[str]:
        """Return the names of the columns of `rows`."""
        shares = self.classes if self.probabilities is not None else ()
        return ["row", "predicted", *(f"probability_{name}" for name in shares)]

    def rows(self) -> Iterator[list[str | float]]:
        """Yield name, prediction and probabilities of each row."""
        for row, (name, predicted) in enumerate(zip(self.names, self.predicted, strict=True)):
            shares = [] if self.probabilities is None else self.probabilities[row].tolist()
            yield [name, predicted, *shares]

    def to_csv(self) -> str:
        """Return all rows as CSV, with the names of the columns."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(self.head())
        writer.writerows([_csv_cell(cell) for cell in row] for row in self.rows())
        return stream.getvalue()

    def to_json(self) -> JsonObject:
        """Return all rows as a JSON value."""
        rows = [dict(zip(self.head(), row, strict=True)) for row in self.rows()]
        return {"model": self.kind, "digest": self.digest, "rows": rows, "warnings": list(self.warnings)}


@dataclass(frozen=True)
class ExportedModel:
    """The model of an exported recipe, opened once for any number of predictions.

    Attributes:
        path: File of the recipe.
        recipe: Its content.
        kind: Kind of the model: ``best``, ``retrained``, ``averaged`` or ``ensemble``.
        digest: Of its weights.
        info: Description of the data that it was trained on.
        trainable: What rebuilt it.
        models: Its members.
        warnings: What a user should know about its code, one sentence each.
    """

    path: Path
    recipe: RecipeFile
    kind: str
    digest: str
    info: DataInfo
    trainable: Trainable
    models: tuple[Model, ...]
    warnings: tuple[str, ...] = ()

    def predict(self, data: Path, *, home: Home | None = None, again: str = "") -> Predictions:
        """Predict the rows of a file or folder; see `predict_file`.

        Raises:
            Refused: As for `predict_file`.
            UserError: If the data is not of the kind that the model was trained on.
        """
        rows = read_unlabelled(data, self.info, self._source_arguments(), self._types())
        n = len(rows.names)
        labels = np.zeros(n, np.int64)
        examples = Examples(rows.inputs, labels, np.arange(n), self.info, originals=rows.originals)
        with look_recorded(rows, self.recipe, data, self.digest, home, again) as notes, _predicts(self.path):
            outputs = np.asarray(outputs_of(self.trainable, list(self.models), examples))
        predicted, shares = _predicted(self.trainable, outputs, self.info)
        warnings = (*self.warnings, *notes, *rows.warnings)
        return Predictions(self.kind, self.digest, rows.names, predicted, self.info.classes, shares, warnings)

    def _types(self) -> Mapping[str, str]:
        """Return the numpy types of the arrays of items; of other data, none."""
        types: Mapping[str, str] = self.recipe.provenance.get("types") or {}
        return types

    def _source_arguments(self) -> dict[str, object]:
        """Return the arguments of the data source, which say how files are read."""
        source = self.recipe.provenance.get("data")
        if not isinstance(source, Mapping):
            return {}
        arguments = source.get("arguments")
        as_floats = {AS_FLOATS: True} if source.get("reading") is None else {}
        return {**(arguments if isinstance(arguments, Mapping) else {}), **as_floats}


def open_model(path: Path, *, changed_code: bool = False) -> ExportedModel:
    """Open the model of an exported recipe; the arguments and errors are those of `predict_file`."""
    recipe = read_recipe(path)
    if ScriptCommand.of(recipe.trainable):
        raise UserError(f"{path}: {NO_COMMAND_PREDICTS}")
    provenance = recipe.provenance
    model, info = provenance.get("model"), provenance.get("info")
    if not isinstance(model, Mapping) or not isinstance(info, Mapping):
        raise UserError(
            f"{path}: provenance does not name a model and its data; recipes that `hpo export` writes do"
        )
    data_info, digest = info_from_json(info), str(model.get("digest", ""))
    members = _members(recipe, path, digest, str(model.get("folder", "")))
    base = code_folder(recipe.trainable, path, provenance)
    code = changes_of_code(recipe, path, base, accept=changed_code)
    trainable = load_trainable(recipe.trainable, base)
    with _fits(path):
        models = tuple(models_of(trainable, members, data_info))
    return ExportedModel(
        path, recipe, str(model.get("kind", "best")), digest, data_info, trainable, models, code
    )


def predict_file(
    path: Path, data: Path, *, home: Home | None = None, again: str = "", changed_code: bool = False
) -> Predictions:
    """Predict data with the model of an exported recipe; targets in it are not read.

    The weights are looked up beside the recipe (in ``<its name>.weights``, then in its folder) and then
    in the folder of the search; their digests must match.

    Args:
        path: The recipe file.
        data: A folder of images, a ``.csv`` or ``.parquet`` table, an ``.npy`` array, or a ``.jsonl`` file of
            the items of a map-style data set.
        home: Home in use, whose test parts are recognised, besides those of the home that the recipe names.
        again: Why rows of a test part are predicted although their labels are there; empty to refuse that.
        changed_code: Whether to predict although the training code differs from the recipe's; the
            differing files are then among the warnings.

    Raises:
        Refused: If the training code differs from the recipe's, or labelled rows of a test part would be
            predicted without a reason.
        UserError: If the recipe names no model, its weights are missing or are not those that were
            tested, or the data is not of the kind that it was trained on.
    """
    return open_model(path, changed_code=changed_code).predict(data, home=home, again=again)


@contextmanager
def rows_as_file(data: NDArray[Any] | pd.DataFrame | Sequence[JsonFields]) -> Iterator[Path]:
    """Write rows from memory to a temporary file of the kind that `predict_file` reads.

    Args:
        data: An array [n, ...], a table with the columns that the model was trained on, or items that are
            mappings.
    """
    import pandas as pd

    with tempfile.TemporaryDirectory(prefix="hpo-predict-") as folder:
        if isinstance(data, pd.DataFrame):
            file = Path(folder) / "rows.parquet"
            data.rename(columns=str).to_parquet(file, index=False)
        elif not isinstance(data, np.ndarray) and len(data) and isinstance(data[0], Mapping):
            file = Path(folder) / "rows.jsonl"
            items = (data[row] for row in range(len(data)))
            file.write_text("".join(f"{json.dumps({**item}, default=_plain)}\n" for item in items))
        else:
            file = Path(folder) / "rows.npy"
            np.save(file, np.asarray(data), allow_pickle=False)
        yield file


def _plain(value: Any) -> Any:
    """Return a tensor, an array or one of its numbers as JSON has it."""
    if callable(getattr(value, "tolist", None)):
        return value.tolist()
    raise UserError(f"a {type(value).__name__} in an item cannot be predicted; legal: numbers, texts, arrays")


@contextmanager
def _fits(path: Path) -> Iterator[None]:
    """Name the recipe whose trainable cannot use its weights: any error of code that the recipe chose."""
    try:
        yield
    except Exception as error:
        raise UserError(f"{path}: its weights do not fit its recipe: {error_text(error)[:1000]}") from error


@contextmanager
def _predicts(path: Path) -> Iterator[None]:
    """Name the recipe whose model fails on the rows: any error of code that the recipe chose."""
    try:
        yield
    except NoPredictions as error:
        raise UserError(f"{path}: {error}") from error
    except Exception as error:
        reason = with_line(error_text(error)[:1000], error)
        raise UserError(f"{path}: its model cannot predict these rows: {reason}") from error


def _members(recipe: RecipeFile, path: Path, digest: str, folder: str) -> tuple[ModelMember, ...]:
    records = training_records_of(recipe, path)
    if digest_of([record.sha256 for record in records]) != digest:
        raise UserError(
            f"{path}: the digest of its model does not match the weights that it names; export it again"
        )
    beside = path.absolute().parent  # the folder of a search has them in `weights`
    folders = [weights_beside(path), beside, beside / "weights", Path(folder)]
    return tuple(
        ModelMember(Recipe(record.recipe), _weights(record.file, record.sha256, folders))
        for record in records
    )


def _weights(file: str, sha256: str, folders: Sequence[Path]) -> Arrays:
    """Read weights from the first folder whose file has the right digest.

    Raises:
        UserError: If no folder has them; files of that name with another digest are listed.
    """
    others = []
    for folder in folders:
        path = folder / Path(file).name
        if not path.is_file():
            continue
        try:
            return checkpoints.read(path, sha256)
        except checkpoints.DamagedFile:
            others.append(str(path))
    if others:
        raise UserError(
            f"{', '.join(others)}: not the weights that were tested (SHA-256 {sha256[:16]}...), "
            "so nothing is predicted with them"
        )
    searched = ", ".join(dict.fromkeys(map(str, folders)))
    raise UserError(
        f"the model's weights {file} are not in any of {searched}; "
        "`hpo export SEARCH --out FILE --weights` copies them beside the recipe"
    )


def _predicted(
    trainable: Trainable, outputs: Array, info: DataInfo
) -> tuple[tuple[str | float, ...], NDArray[np.float64] | None]:
    """Class names or values, and probabilities if the trainable computes them.

    Raises:
        UserError: If the outputs are neither; see `outputs_complaint`.
    """
    complaint = outputs_complaint(outputs, info)
    if complaint:
        raise UserError(complaint)
    if info.task == "other":  # a mask, several labels: what the model returns for each row
        return tuple(json.dumps(row.tolist()) for row in outputs), None
    if info.task == "regression":
        return tuple(map(float, outputs.reshape(len(outputs)))), None
    labels = labels_of(outputs)
    assert labels is not None, "outputs_complaint refuses such outputs"
    names = tuple(info.classes[int(label)] for label in labels)
    shares = trainable.probabilities(outputs) if isinstance(trainable, AssessesExamples) else None
    return names, None if shares is None else np.asarray(shares, np.float64)


def _csv_cell(value: str | float) -> str:
    """Return a cell with the seven digits of float32; large values, such as times in seconds, in full."""
    if isinstance(value, str):
        return value
    return f"{value:.7g}" if abs(value) < 1e6 else f"{value:.15g}"
