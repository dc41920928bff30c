"""Every data source a spec can name. Plain data: reading it imports neither torch nor numpy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.core.errors import Fault
from hpo.core.grammar import Group, Hyperparameter, Part

if TYPE_CHECKING:
    from trainables.data.content import Source, SourcePaths

SCIKIT = "https://scikit-learn.org/stable/datasets/toy_dataset.html"
TORCHVISION = "https://docs.pytorch.org/vision/stable/datasets.html"
HERE = "trainables.data"

ROOT = Hyperparameter("root", "str", None, doc="folder of the data set; relative to the spec")
DOWNLOAD = Hyperparameter("download", "bool", False, doc="whether missing files may be fetched")
SIZE = Hyperparameter(
    "size", "int", None, 4, 4096, optional=True, doc="height and width of the images, in pixels"
)
TEST_SHARE = Hyperparameter(
    "test_share", "float", 0.2, 0.01, 0.9, doc="share of the rows cut off as the test part"
)

BROKEN = Hyperparameter(
    "broken", "str", "error", choices=("error", "skip"), doc="what a file that cannot be decoded does"
)

TABLE = (
    Hyperparameter("file", "str", None, doc="the table; relative to the spec"),
    Hyperparameter("target", "str", None, doc="column that is predicted"),
    Hyperparameter(
        "task", "str", None, choices=("classification", "regression"), doc="told from the target by default"
    ),
    Hyperparameter("test_file", "str", None, doc="the test part; cut from the table by default"),
    TEST_SHARE,
    Hyperparameter("categorical", "names", None, doc="columns of names that look like numbers"),
    Hyperparameter("ignore", "names", None, doc="columns that are no inputs"),
    Hyperparameter("groups", "str", None, doc="column whose equal values stay in one part"),
    Hyperparameter("time", "str", None, doc="column of numbers or ISO dates; later parts are later"),
)
MISSING = Hyperparameter("missing", "names", None, doc="texts that mean a missing value")
DELIMITER = Hyperparameter("delimiter", "str", ",", doc="between the fields")


def _shipped(name: str, doc: str) -> Part:
    return Part(name, f"{HERE}.scikit_learn_sets:{name}", SCIKIT, doc=doc)


def _torchvision(name: str, doc: str, scaled: bool = False) -> Part:
    own = (ROOT, DOWNLOAD, SIZE) if scaled else (ROOT, DOWNLOAD)
    return Part(name, f"{HERE}.torchvision_sets:open_set", TORCHVISION, own, doc=doc)


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
        (ROOT, SIZE, TEST_SHARE, BROKEN),
        doc="a folder of images for each class, at the root or under root/train and root/test",
    ),
    Part(
        "csv",
        f"{HERE}.table_files:open_csv",
        "https://www.rfc-editor.org/rfc/rfc4180",
        (*TABLE, MISSING, DELIMITER),
        doc="a table with a header; classification or regression",
    ),
    Part(
        "parquet",
        f"{HERE}.table_files:open_parquet",
        "https://parquet.apache.org/docs/file-format/",
        TABLE,
        doc="a table; classification or regression",
    ),
)

SOURCE = Group("source", SOURCES, default="digits", doc="where the examples come from")

PRACTICE = frozenset({"digits", "breast_cancer", "wine", "iris", "diabetes"})
"""Sources whose test scores are practice and no scientific claim."""

REQUIRED = frozenset({"root", "file", "target"})
"""Arguments without which a source that has them cannot be read."""

USER_CODE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
"""``module:function``: a user's own source."""


def source(name: str) -> Part | None:
    """The record of a source; None if the name is a user's own ``module:function`` or unknown."""
    return next((part for part in SOURCES if part.name == name), None)


def faults(name: str, arguments: Mapping[str, Any]) -> list[Fault]:
    """Everything wrong with a source and its arguments, without opening anything.

    Places are relative to the spec's ``data`` (``source``, ``arguments.root``).
    """
    part = source(name)
    if part is None:
        if USER_CODE.fullmatch(name):
            return []
        legal = ", ".join(each.name for each in SOURCES)
        return [Fault("source", f"{name!r} does not exist; legal: {legal}, or module:function")]
    known = {own.name: own for own in part.hyperparameters}
    legal = ", ".join(known) or "none"
    found = []
    for key, value in arguments.items():
        complaint = known[key].complaint(value) if key in known else f"does not exist; legal: {legal}"
        if complaint:
            found.append(Fault(f"arguments.{key}", complaint))
    for key in sorted(REQUIRED & set(known)):
        if arguments.get(key) is None:
            found.append(Fault(f"arguments.{key}", f"is missing: {known[key].doc}"))
    return found


def open_source(name: str, arguments: Mapping[str, Any], place: SourcePaths) -> Source:
    """Make the source; no file is opened yet, but a user's own code is imported.

    Raises:
        UserError: If the user's code cannot be imported.
    """
    part = source(name)
    if part is None:
        from trainables.data.user_sources import UserSource

        return UserSource.of(name, arguments, place)
    complete = {own.name: own.default for own in part.hyperparameters} | dict(arguments)
    if part.builder.endswith("torchvision_sets:open_set"):
        complete["name"] = name
    opened: Source = part.load()(place, **complete)
    return opened


def columns(
    arguments: Mapping[str, Any], groups: str | None = None, time: str | None = None
) -> dict[str, Any]:
    """A source's arguments with the columns by which its rows are split."""
    named = {"groups": groups, "time": time}
    return dict(arguments) | {role: name for role, name in named.items() if name is not None}


def code_of(name: str, base: Path) -> str | None:
    """The file of a user's own code as far as can be said without importing it; None if shipped."""
    if source(name) is not None:
        return None
    here = base / Path(*name.partition(":")[0].split("."))
    for path in (here.with_suffix(".py"), here / "__init__.py"):
        if path.is_file():
            return str(path)
    return f"the installed module {name.partition(':')[0]}"
