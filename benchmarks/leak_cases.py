"""Data sets with one planted leak each, and clean ones, as files that every tool can read.

A case is a folder: tables are ``train.csv`` and ``test.csv`` with the target ``y``; images are class folders
under ``train`` and ``test``. Everything follows from the kind and a seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn import datasets

TRAIN, TEST, COPIES, SIDE = 900, 300, 40, 48


@dataclass
class Tables:
    """A table in two parts, and what is known of its columns besides.

    Attributes:
        train: Rows of the train part; the target is the column ``y``.
        test: Rows of the test part.
        roles: Columns that a spec can name: ``time``, ``groups`` or ``id``.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    roles: Mapping[str, str] = field(default_factory=dict)


def generated(seed: int, classes: int = 3) -> Tables:
    """Return a table of eight numbers and a category, which predict the classes with some error."""
    random = np.random.default_rng(seed)
    n, width = TRAIN + TEST, 8
    numbers = random.normal(size=(n, width)) @ random.normal(size=(width, width))
    scores = numbers @ random.normal(size=(width, classes)) / width + random.gumbel(size=(n, classes))
    table = pd.DataFrame(numbers, columns=[f"x{i}" for i in range(width)])
    table["site"] = random.choice(["north", "south", "east"], n)
    table["y"] = [f"c{label}" for label in scores.argmax(1)]
    return Tables(table[:TRAIN].copy(), table[TRAIN:].reset_index(drop=True))


def _both(tables: Tables) -> tuple[pd.DataFrame, pd.DataFrame]:
    return tables.train, tables.test


def copied(change: Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]) -> Callable[..., None]:
    """Return what replaces the first test rows by changed copies of training rows."""

    def plant(tables: Tables, random: np.random.Generator) -> None:
        rows = tables.train.iloc[random.choice(TRAIN, COPIES, replace=False)].reset_index(drop=True)
        tables.test = pd.concat([change(rows, random), tables.test[COPIES:]], ignore_index=True)

    return plant


def _noisy(rows: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    numbers = rows.filter(like="x")
    return rows.assign(**{name: rows[name] + 1e-3 * random.normal(size=len(rows)) for name in numbers})


def _one_column(rows: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return rows.assign(x3=random.normal(size=len(rows)) * 5)


def _two_columns(rows: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return _one_column(rows, random).assign(x6=random.normal(size=len(rows)) * 5)


def identified(tables: Tables, random: np.random.Generator) -> None:
    """Plant copies that differ in an identifier."""
    copied(lambda rows, _: rows)(tables, random)
    for part, start in ((tables.train, 0), (tables.test, 10_000)):
        part["number"] = start + np.arange(len(part))


def noisy_target(share: float) -> Callable[..., None]:
    """Return what plants a column that is the target in this share of the rows."""

    def plant(tables: Tables, random: np.random.Generator) -> None:
        for part in _both(tables):
            other = random.choice(tables.train.y.unique(), len(part))
            codes = np.where(random.random(len(part)) < share, part.y, other)
            part["code"] = pd.Series(codes).str.replace("c", "k").to_numpy()

    return plant


def partly_revealing(tables: Tables, random: np.random.Generator) -> None:
    """Plant a column that gives the target away in 30 % of the rows and is empty in the others."""
    for part in _both(tables):
        part["outcome"] = np.where(random.random(len(part)) < 0.3, part.y.str[1:].astype(float) + 4, np.nan)


def one_class(tables: Tables, _: np.random.Generator) -> None:
    """Plant a column that tells one class of three."""
    for part in _both(tables):
        part["flag"] = (part.y == "c1").astype(int)


def exclusive_or(tables: Tables, random: np.random.Generator) -> None:
    """Plant two columns of zeros and ones that differ in the rows of one class of three."""
    for part in _both(tables):
        part["one"] = random.integers(0, 2, len(part))
        part["other"] = part.one ^ (part.y == "c1")


def difference(tables: Tables, random: np.random.Generator) -> None:
    """Plant two columns whose difference is the target."""
    for part in _both(tables):
        part["before"] = random.normal(size=len(part)) * 10
        part["after"] = part.before + part.y.str[1:].astype(float)


def target_encoding(tables: Tables, random: np.random.Generator) -> None:
    """Plant the mean target of a column of many values, that row's own target included."""
    for part in _both(tables):
        positions = random.integers(0, len(part) // 2, len(part))
        part["place"] = (
            pd.Series(part.y.str[1:].astype(float).to_numpy()).groupby(positions).transform("mean").to_numpy()
        )


def early_test(tables: Tables, random: np.random.Generator) -> None:
    """Plant times by which test rows are among the training rows."""
    for part in _both(tables):
        part["when"] = random.permutation(len(part)) * (1200 / len(part))
    tables.roles = {"time": "when"}


def shared_groups(tables: Tables, random: np.random.Generator) -> None:
    """Plant a column of groups that are on both sides."""
    for part in _both(tables):
        part["person"] = random.integers(0, 100, len(part))
    tables.roles = {"groups": "person"}


def rescaled(tables: Tables, _: np.random.Generator) -> None:
    """Plant another unit of a column in the test part."""
    tables.test["x2"] *= 1000


def missing_column(tables: Tables, _: np.random.Generator) -> None:
    """Leave a column of the test part empty."""
    tables.test["x2"] = np.nan


def other_labels(tables: Tables, random: np.random.Generator) -> None:
    """Plant another distribution of labels in the test part."""
    tables.test = tables.test[(tables.test.y != "c0") | (random.random(TEST) < 0.2)].reset_index(drop=True)


def mislabelled(tables: Tables, random: np.random.Generator) -> None:
    """Exchange labels of a tenth of the training rows, in a table whose classes are far apart."""
    for part in _both(tables):
        for label in range(3):
            part[f"x{label}"] = np.where(part.y == f"c{label}", 6, 0) + random.normal(size=len(part))
    rows = random.choice(TRAIN, TRAIN // 10, replace=False)
    tables.train.loc[rows, "y"] = tables.train.y[rows].map({"c0": "c1", "c1": "c2", "c2": "c0"})


def one_majority(tables: Tables, random: np.random.Generator) -> None:
    """Make 97 % of the rows of one class."""
    for part in _both(tables):
        part["y"] = np.where(random.random(len(part)) < 0.97, "c0", "c1")


TABLE_LEAKS: dict[str, Callable[[Tables, np.random.Generator], None]] = {
    "copies": copied(lambda rows, _: rows),
    "copies with noise of 1e-3": copied(_noisy),
    "copies, rounded": copied(lambda rows, _: rows.round(2)),
    "copies but for one column": copied(_one_column),
    "copies but for two columns": copied(_two_columns),
    "copies but for an identifier": identified,
    "target, 99 % right": noisy_target(0.985),
    "target, 93 % right": noisy_target(0.9),
    "target in 30 % of the rows": partly_revealing,
    "a column for one class": one_class,
    "a difference of two columns": difference,
    "an exclusive or for one class": exclusive_or,
    "target encoding": target_encoding,
    "test rows among training rows in time": early_test,
    "groups on both sides": shared_groups,
    "another unit in the test part": rescaled,
    "a column missing in the test part": missing_column,
    "other labels in the test part": other_labels,
    "mislabelled rows": mislabelled,
    "97 % of one class": one_majority,
}


def clean_tables(seed: int) -> dict[str, Tables]:
    """Return tables without a leak: scikit-learn's, and generated ones of several kinds."""
    random = np.random.default_rng(seed)
    clean = {f"generated, {classes} classes": generated(seed + classes, classes) for classes in (2, 3, 5, 8)}
    for name in ("iris", "wine", "breast_cancer", "digits"):
        bunch = getattr(datasets, f"load_{name}")(as_frame=True)
        table = bunch.data.rename(columns=lambda column: f"x {column}").assign(
            y=[f"c{y}" for y in bunch.target]
        )
        table = (
            table.iloc[random.permutation(len(table))]
            .reset_index(drop=True)
            .drop_duplicates(ignore_index=True)
        )
        clean[name] = Tables(
            table[: len(table) * 3 // 4].copy(), table[len(table) * 3 // 4 :].reset_index(drop=True)
        )
    for name, values in (("few values", 3), ("marks of 1 to 10", 10)):
        codes = random.integers(0, values, (TRAIN + TEST, 9))
        table = pd.DataFrame(codes, columns=[f"x{i}" for i in range(9)])
        table["y"] = np.where(codes[:, 0] + random.normal(size=len(codes)) > values / 2, "c0", "c1")
        clean[name] = Tables(table[:TRAIN].copy(), table[TRAIN:].reset_index(drop=True))
    skewed = generated(seed + 11)
    for part in _both(skewed):
        part[[f"x{i}" for i in range(8)]] = np.exp(part[[f"x{i}" for i in range(8)]] / 3)
        part.loc[random.random(len(part)) < 0.1, "x4"] = np.nan
    counted = generated(seed + 12)
    for part in _both(counted):
        part["number"] = random.permutation(len(part)) + 5000
    return clean | {"skewed, with gaps": skewed, "with a row number": counted}


def pictures(n: int, random: np.random.Generator, side: int = SIDE) -> np.ndarray:
    """Return colour images of random shapes [n, side, side, 3]: smooth grounds with rectangles and lines."""
    axis = np.cos(np.pi * np.outer(np.arange(side) + 0.5, np.arange(7)) / side)
    waves = random.normal(size=(n, 7, 7, 3)) / (1 + np.add.outer(np.arange(7), np.arange(7))[..., None])
    images = 128 + 60 * np.einsum("hi,nijc,wj->nhwc", axis, waves, axis)
    for image in images:
        for _ in range(4):
            top, left = random.integers(0, side - 6, 2)
            height, width = random.integers(3, side // 2, 2)
            image[top : top + height, left : left + width] = random.integers(0, 256, 3)
    return np.clip(images + random.normal(scale=3, size=images.shape), 0, 255).astype(np.uint8)


def _cropped(image: Image.Image, random: np.random.Generator) -> Image.Image:
    side = round(SIDE * 0.8)
    left, top = random.integers(0, SIDE - side + 1, 2)
    return image.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def _watermarked(image: Image.Image, _: np.random.Generator) -> Image.Image:
    marked = np.asarray(image).copy()
    marked[-10:-3, -22:-3] = np.where(np.indices((7, 19)).sum(0) % 3 == 0, 255, 20)[..., None]
    return Image.fromarray(marked)


IMAGE_COPIES: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "images copied": lambda image, _: image,
    "images mirrored": lambda image, _: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "images upside down": lambda image, _: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    "images turned": lambda image, _: image.transpose(Image.Transpose.ROTATE_90),
    "images inverted": lambda image, _: Image.eval(image, lambda level: 255 - level),
    "images cropped to 80 %": _cropped,
    "images watermarked": _watermarked,
}


def _framed(image: Image.Image) -> Image.Image:
    framed = np.zeros_like(np.asarray(image))
    framed[3:-3, 3:-3] = np.asarray(image)[3:-3, 3:-3]
    return Image.fromarray(framed)


def _plain_ground(image: Image.Image) -> Image.Image:
    ground = np.asarray(image).copy()
    ground[:10] = ground[-10:] = (200, 210, 190)
    return Image.fromarray(ground)


IMAGE_SHORTCUTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "class by border": _framed,
    "class by watermark": lambda image: _watermarked(image, np.random.default_rng(0)),
    "class by ground": _plain_ground,
    "class by grey": lambda image: image.convert("L").convert("RGB"),
    "class by brightness": lambda image: Image.eval(image, lambda level: level // 4),
    "class by dimensions": lambda image: image.resize((SIDE + 12, SIDE)),
    "class by file format": lambda image: image,
    "class by file size": lambda image: image,
}


def save_images(folder: Path, kind: str, seed: int, train: int = 400, test: int = 120) -> None:
    """Write the class folders of a case; a kind that is not planted is clean."""
    random = np.random.default_rng(seed)
    images = [Image.fromarray(image) for image in pictures(train + test, random)]
    if kind in IMAGE_COPIES:
        for row in range(COPIES):
            images[train + row] = IMAGE_COPIES[kind](images[row], random)
    for row, image in enumerate(images):
        marked = row % 3 == 1 and kind in IMAGE_SHORTCUTS
        path = folder / ("train" if row < train else "test") / f"c{row % 3}" / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        shown = IMAGE_SHORTCUTS[kind](image) if marked else image
        if kind == "class by file size":
            shown.save(path.with_suffix(".jpg"), quality=95 if marked else 60)
        else:
            shown.save(path.with_suffix(".bmp") if marked and kind == "class by file format" else path)
