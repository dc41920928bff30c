"""Every data source a spec can name. Plain data: reading it imports neither torch nor numpy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hpo.core.command import BY_COMMAND
from hpo.core.errors import Fault
from hpo.core.grammar import Group, Hyperparameter, Part

if TYPE_CHECKING:
    from trainables.data.content import Source, SourcePaths

SCIKIT = "https://scikit-learn.org/stable/datasets/toy_dataset.html"
TORCHVISION = "https://docs.pytorch.org/vision/stable/datasets.html"
HERE = "trainables.data"

ROOT = Hyperparameter("root", "str", None, doc="folder of the data set; relative to the spec")
DOWNLOAD = Hyperparameter("download", "bool", False, doc="whether missing files may be downloaded")
SIZE = Hyperparameter(
    "size", "int", None, 4, 4096, optional=True, doc="height and width of the images, in pixels"
)
TEST_SHARE = Hyperparameter(
    "test_share", "float", 0.2, 0.01, 0.9, doc="share of the rows that become the test part"
)

BROKEN = Hyperparameter(
    "broken", "str", "error", choices=("error", "skip"), doc="what to do with a file that cannot be decoded"
)
ORIENTATION = Hyperparameter(
    "orientation",
    "str",
    "upright",
    choices=("upright", "as_stored"),
    doc="whether images are turned as their EXIF orientation says",
)

COLUMN_KINDS = ("number", "category", "text", "time", "ignore")

GROUND = Hyperparameter(
    "ground",
    "str",
    "white",
    choices=("white", "grey", "black"),
    doc="colour that transparent pixels of images are put on",
)

BITS = Hyperparameter(
    "bits",
    "int",
    None,
    8,
    16,
    optional=True,
    doc="bits of grey images of 16 bits that are used, the lowest ones; inferred from the images by default",
)

ORIGINALS = Hyperparameter(
    "originals",
    "bool",
    False,
    doc="keep images in their own sizes as well, so that a training cuts its crops from them",
)

TABLE = (
    Hyperparameter("file", "str", None, doc="the table; relative to the spec"),
    Hyperparameter("target", "str", None, doc="column to predict"),
    Hyperparameter(
        "task",
        "str",
        None,
        choices=("classification", "regression"),
        doc="inferred from the target by default",
    ),
    Hyperparameter("test_file", "str", None, doc="the test part; cut from the table by default"),
    TEST_SHARE,
    Hyperparameter(
        "columns",
        "kinds",
        None,
        choices=COLUMN_KINDS,
        doc="what columns hold; wins over `categorical` and `ignore`",
    ),
    Hyperparameter("categorical", "names", None, doc="columns of names that look like numbers"),
    Hyperparameter("ignore", "names", None, doc="columns to leave out of the inputs"),
    Hyperparameter("groups", "str", None, doc="column whose equal values stay in one part"),
    Hyperparameter("time", "str", None, doc="column of numbers or ISO dates; later parts are later"),
    Hyperparameter("id", "str", None, doc="column that identifies each row; not an input"),
)
MISSING = Hyperparameter("missing", "names", None, doc="texts that mean a missing value")
NOT_MISSING = Hyperparameter(
    "not_missing", "names", None, doc="texts such as NA that are values; usually they mean a missing one"
)
DELIMITER = Hyperparameter("delimiter", "str", ",", doc="character between the fields, or tab")
TABS = {"tab": "\t", "\\t": "\t"}
"""Other ways to write the delimiter of a table whose fields are separated by tabs."""

NO_DELIMITERS = ('"', "\n", "\r")
"""Characters that have another meaning in a CSV file."""

DECIMAL = Hyperparameter(
    "decimal", "str", None, choices=(".", ","), doc="decimal sign; inferred for each column by default"
)


def _shipped(name: str, doc: str) -> Part:
    return Part(name, f"{HERE}.scikit_learn_sets:{name}", SCIKIT, doc=doc)


def _torchvision(name: str, doc: str, scaled: bool = False) -> Part:
    hyperparameters = (ROOT, DOWNLOAD, SIZE, ORIGINALS) if scaled else (ROOT, DOWNLOAD)
    return Part(name, f"{HERE}.torchvision_sets:open_set", TORCHVISION, hyperparameters, doc=doc)


SOURCES: tuple[Part, ...] = (
    _shipped("digits", "1,797 handwritten digits, 8 x 8 grey, 10 classes; practice data"),
    _shipped("breast_cancer", "569 cell samples, 30 measures, 2 classes; practice data"),
    _shipped("wine", "178 wines, 13 measures, 3 classes; practice data"),
    _shipped("iris", "150 flowers, 4 measures, 3 classes; practice data"),
    _shipped("diabetes", "442 patients, 10 measures, regression; practice data"),
    _torchvision("mnist", "70,000 handwritten digits, 28 x 28 grey, 10 classes"),
    _torchvision("fashion_mnist", "70,000 pieces of clothing, 28 x 28 grey, 10 classes"),
    _torchvision("kmnist", "70,000 Kuzushiji characters, 28 x 28 grey, 10 classes"),
    _torchvision("qmnist", "120,000 handwritten digits, 28 x 28 grey, 10 classes"),
    _torchvision("emnist_balanced", "131,600 letters and digits, 28 x 28 grey, 47 classes"),
    _torchvision("usps", "9,298 handwritten digits, 16 x 16 grey, 10 classes"),
    _torchvision("cifar10", "60,000 small photographs, 32 x 32 colour, 10 classes"),
    _torchvision("cifar100", "60,000 small photographs, 32 x 32 colour, 100 classes"),
    _torchvision("svhn", "99,289 house numbers, 32 x 32 colour, 10 classes"),
    _torchvision("stl10", "13,000 photographs, 96 x 96 colour, 10 classes"),
    _torchvision("gtsrb", "39,270 traffic signs, 43 classes; scaled to 32 x 32", scaled=True),
    _torchvision("flowers102", "8,189 flowers, 102 classes; scaled to 64 x 64", scaled=True),
    _torchvision("dtd", "5,640 textures, 47 classes; scaled to 64 x 64", scaled=True),
    _torchvision("food101", "101,000 dishes, 101 classes; scaled to 64 x 64", scaled=True),
    _torchvision("oxford_iiit_pet", "7,349 pets, 37 classes; scaled to 64 x 64", scaled=True),
    _torchvision("fgvc_aircraft", "10,000 aircraft, 100 classes; scaled to 64 x 64", scaled=True),
    _torchvision("country211", "63,300 photographs, 211 classes; scaled to 64 x 64", scaled=True),
    Part(
        "image_folder",
        f"{HERE}.image_folder:open_folder",
        "https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html",
        (ROOT, SIZE, TEST_SHARE, BROKEN, ORIENTATION, GROUND, BITS, ORIGINALS),
        doc="a folder of images for each class, at the root or under root/train and root/test",
    ),
    Part(
        "csv",
        f"{HERE}.table_source:open_csv",
        "https://www.rfc-editor.org/rfc/rfc4180",
        (*TABLE, MISSING, NOT_MISSING, DELIMITER, DECIMAL),
        doc="a table with a header; classification or regression",
    ),
    Part(
        "parquet",
        f"{HERE}.table_source:open_parquet",
        "https://parquet.apache.org/docs/file-format/",
        TABLE,
        doc="a table; classification or regression",
    ),
    Part(
        BY_COMMAND,
        f"{HERE}.by_command:by_command",
        "https://pubs.opengroup.org/onlinepubs/9799919799/functions/exec.html",
        doc="data that a script reads itself; no test part",
    ),
)

SOURCE = Group("source", SOURCES, default="digits", doc="where the examples come from")

PRACTICE = frozenset({"digits", "breast_cancer", "wine", "iris", "diabetes"})
"""Sources whose test scores are practice, not scientific results."""

DEVELOPMENT_ROWS: Mapping[str, int] = {
    "digits": 1_438,
    "breast_cancer": 456,
    "wine": 142,
    "iris": 120,
    "diabetes": 354,
    "mnist": 60_000,
    "fashion_mnist": 60_000,
    "kmnist": 60_000,
    "qmnist": 60_000,
    "emnist_balanced": 112_800,
    "usps": 7_291,
    "cifar10": 50_000,
    "cifar100": 50_000,
    "svhn": 73_257,
    "stl10": 5_000,
    "gtsrb": 26_640,
    "flowers102": 2_040,
    "dtd": 3_760,
    "food101": 75_750,
    "oxford_iiit_pet": 3_680,
    "fgvc_aircraft": 6_667,
    "country211": 42_200,
}
"""Rows that remain when the test part is set aside, of sources that are always the same."""

REQUIRED = frozenset({"root", "file", "target"})
"""Arguments that are required by every source that has them."""

USER_CODE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
"""``module:function``: a user's own source."""


def source(name: str) -> Part | None:
    """Return the record of a source; None if the name is a user's ``module:function`` or unknown."""
    return next((part for part in SOURCES if part.name == name), None)


def faults(name: str, arguments: Mapping[str, Any]) -> list[Fault]:
    """Return every fault in a source and its arguments, without opening anything.

    Paths are relative to the spec's ``data`` (``source``, ``arguments.root``).
    """
    part = source(name)
    if part is None:
        if USER_CODE.fullmatch(name):
            return []
        legal = ", ".join(shipped.name for shipped in SOURCES)
        return [Fault("source", f"{name!r} does not exist; legal: {legal}, or module:function")]
    declared = {parameter.name: parameter for parameter in part.hyperparameters}
    legal = ", ".join(declared) or "none"
    faults = []
    for key, value in arguments.items():
        complaint = declared[key].complaint(value) if key in declared else f"does not exist; legal: {legal}"
        if not complaint and key == "delimiter" and value is not None:
            complaint = delimiter_complaint(value)
        if complaint:
            faults.append(Fault(f"arguments.{key}", complaint))
    for key in sorted(REQUIRED & set(declared)):
        if arguments.get(key) is None:
            faults.append(Fault(f"arguments.{key}", f"is missing: {declared[key].doc}"))
    return faults


def delimiter_of(written: str) -> str:
    """Return the character that separates fields: a tab can be written as ``tab``."""
    return TABS.get(written, written)


def delimiter_complaint(written: str) -> str | None:
    """Return what is wrong with a delimiter; None if it is legal."""
    if len(delimiter_of(written)) == 1 and written.isascii() and written not in NO_DELIMITERS:
        return None
    return f"{written!r} cannot separate fields; legal: one ASCII character (no quote or line break), or tab"


def open_source(name: str, arguments: Mapping[str, Any], paths: SourcePaths) -> Source:
    """Create the source; no file is opened yet, but a user's own code is imported.

    Raises:
        UserError: If the user's code cannot be imported.
    """
    part = source(name)
    if part is None:
        from trainables.data.user_sources import UserSource

        return UserSource.of(name, arguments, paths)
    defaults = {parameter.name: parameter.default for parameter in part.hyperparameters}
    complete = defaults | dict(arguments)
    if part.builder.endswith("torchvision_sets:open_set"):
        complete["name"] = name
    opened: Source = part.load()(paths, **complete)
    return opened


def columns(
    arguments: Mapping[str, Any], groups: str | None = None, time: str | None = None
) -> dict[str, Any]:
    """Return a source's arguments with the columns by which its rows are split."""
    roles = {"groups": groups, "time": time}
    return dict(arguments) | {role: name for role, name in roles.items() if name is not None}
