"""Data sets that scikit-learn ships: practice data that needs no network.

The files are read from the installed package directly; importing scikit-learn would take seconds.
"""

from __future__ import annotations

import csv
import gzip
import importlib.util
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo
from trainables.data.content import Content, SourcePaths
from trainables.data.held_out import carve
from trainables.data.uncut import Cutter

TEST_SHARE = 0.2

CELL = ("radius", "texture", "perimeter", "area", "smoothness")
SHAPE = ("compactness", "concavity", "concave points", "symmetry", "fractal dimension")
CANCER = tuple(
    f"{kind} {name}" if kind != "error" else f"{name} error"
    for kind in ("mean", "error", "worst")
    for name in (*CELL, *SHAPE)
)
WINE = (
    "alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids",
    "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue",
    "od280/od315_of_diluted_wines", "proline",
)  # fmt: skip
IRIS = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
DIABETES = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")


@dataclass(frozen=True)
class ScikitLearnSet:
    """A data set from scikit-learn; a fifth of it, chosen by content, is the test part.

    Attributes:
        name: ``digits``, ``breast_cancer``, ``wine``, ``iris`` or ``diabetes``.
        cutter: Decides which rows are the test part; None for the first cut.
    """

    name: str
    cutter: Cutter | None = None

    def state(self) -> list[str]:
        """Return the version of scikit-learn."""
        return [f"scikit-learn {version('scikit-learn')}"]

    def development(self) -> Content:
        """Return four fifths of the rows."""
        return carve(self.whole(), TEST_SHARE, self.cutter)[0]

    def test(self) -> Content:
        """Return one fifth of the rows."""
        return carve(self.whole(), TEST_SHARE, self.cutter)[1]

    def whole(self) -> Content:
        """Return all rows, in the order of the file."""
        if self.name == "digits":
            return _digits()
        if self.name == "diabetes":
            return _diabetes()
        return _classes(self.name, {"breast_cancer": CANCER, "wine": WINE, "iris": IRIS}[self.name])


def digits(paths: SourcePaths) -> ScikitLearnSet:
    """Return 1,797 handwritten digits, 8 x 8 grey; the 17 levels are spread over 0 to 255."""
    return ScikitLearnSet("digits", paths.cutter)


def breast_cancer(paths: SourcePaths) -> ScikitLearnSet:
    """Return 569 cell samples, 30 measures, malignant or benign."""
    return ScikitLearnSet("breast_cancer", paths.cutter)


def wine(paths: SourcePaths) -> ScikitLearnSet:
    """Return 178 wines, 13 measures, 3 growers."""
    return ScikitLearnSet("wine", paths.cutter)


def iris(paths: SourcePaths) -> ScikitLearnSet:
    """Return 150 flowers, 4 measures, 3 species."""
    return ScikitLearnSet("iris", paths.cutter)


def diabetes(paths: SourcePaths) -> ScikitLearnSet:
    """Return 442 patients, 10 measures as recorded (not scaled), progression after a year."""
    return ScikitLearnSet("diabetes", paths.cutter)


def _digits() -> Content:
    table = _numbers("digits.csv.gz", ",")
    images = np.rint(table[:, :64].reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    classes = tuple(str(digit) for digit in range(10))
    info = DataInfo("image", "classification", (8, 8, 1), classes, practice=True)
    return Content(images, table[:, 64].astype(np.int64), info)


def _classes(name: str, columns: tuple[str, ...]) -> Content:
    path = _file({"wine": "wine_data.csv"}.get(name, f"{name}.csv"))
    with path.open(newline="") as file:
        head, *rows = csv.reader(file)
    table = np.array(rows, dtype=np.float64)
    info = DataInfo("table", "classification", (len(columns),), tuple(head[2:]), columns, practice=True)
    return Content(table[:, :-1].astype(np.float32), table[:, -1].astype(np.int64), info)


def _diabetes() -> Content:
    table = _numbers("diabetes_data_raw.csv.gz", None).astype(np.float32)
    targets = _numbers("diabetes_target.csv.gz", None).astype(np.float32)
    info = DataInfo("table", "regression", (len(DIABETES),), columns=DIABETES, practice=True)
    return Content(table, targets, info)


def _numbers(name: str, delimiter: str | None) -> NDArray[np.float64]:
    with gzip.open(_file(name), "rt") as file:
        return np.loadtxt(file, delimiter=delimiter)


def _file(name: str) -> Path:
    spec = importlib.util.find_spec("sklearn")
    folders = (spec.submodule_search_locations if spec else None) or []
    for folder in folders:
        path = Path(folder) / "datasets" / "data" / name
        if path.is_file():
            return path
    raise UserError(f"data: the installed scikit-learn does not contain {name}; install the pinned version")
