"""Twenty data sets, and pairs of different data with the same schema."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from recognition_edits import Images, Table
from sklearn import datasets

Data = Table | Images

MODULES = [
    *("json", "argparse", "logging", "asyncio", "email", "xml", "http", "ssl", "numpy", "sklearn"),
    *("statistics", "pathlib", "subprocess", "typing", "decimal", "fractions", "random"),
]
"""Modules whose documentation is read as prose."""


def _shipped(load: Callable[..., object], task: str = "classification") -> Table:
    bunch = load()
    columns = {str(n): bunch.data[:, k] for k, n in enumerate(bunch.feature_names)}  # type: ignore[attr-defined]
    return Table({**columns, "y": bunch.target}, "y", task)  # type: ignore[attr-defined]


def _numbers(x: NDArray[np.float64], y: NDArray[np.generic], task: str) -> Table:
    return Table({**{f"x{k}": x[:, k] for k in range(x.shape[1])}, "y": y}, "y", task)


def classification(n: int, columns: int, seed: int = 0) -> Table:
    x, y = datasets.make_classification(
        n, columns, n_informative=min(columns, 10), n_redundant=0, n_classes=2, random_state=seed
    )
    return _numbers(x, y, "classification")


def regression(n: int, columns: int, seed: int = 0) -> Table:
    return _numbers(*datasets.make_regression(n, columns, noise=3, random_state=seed), "regression")


def people(n: int, seed: int = 0, month: int = 0) -> Table:
    """Return a table of persons: names, whole numbers, money, a date and missing values."""
    random = np.random.default_rng([seed, month])
    age = random.integers(18, 90, n)
    income = np.round(random.lognormal(10, 0.5, n), 2)
    height = np.where(random.random(n) < 0.05, np.nan, np.round(random.normal(170, 9, n), 1))
    city = np.array(["Rome", "Oslo", "Bonn", "Lima", "Cork"])[random.integers(0, 5, n)]
    job = np.array([f"job {k}" for k in range(12)])[random.integers(0, 12, n)]
    day = month * 30 + random.integers(0, 30, n)
    y = (income > np.exp(10 + 0.01 * (age - 50) + random.normal(0, 0.3, n))).astype(int)
    columns = {"age": age, "income": income, "height": height, "city": city, "job": job, "day": day}
    return Table({**columns, "y": y}, "y", "classification")


def counts(n: int, columns: int, seed: int = 0) -> Table:
    """Return a table of whole numbers."""
    random = np.random.default_rng(seed)
    x = random.poisson(random.uniform(3, 400, columns), (n, columns))
    return _numbers(x, (x.sum(axis=1) % 3), "classification")


def measures(n: int, columns: int, seed: int = 0) -> Table:
    """Return skewed measurements of very different scales, as an instrument prints them."""
    random = np.random.default_rng(seed)
    x = np.round(random.lognormal(0, 1, (n, columns)) * 10.0 ** random.integers(-2, 4, columns), 4)
    return _numbers(x, np.log(x[:, 0] * x[:, 1]) + random.normal(0, 0.1, n), "regression")


@functools.cache
def _documents() -> tuple[tuple[str, str], ...]:
    found = []
    for name in MODULES:
        module = importlib.import_module(name)
        for _, member in inspect.getmembers(module):
            for part in re.split(r"\n\s*\n", inspect.getdoc(member) or ""):
                if len(part.split()) >= 12:
                    found.append((part, "a" if len(name) % 2 else "b"))
    return tuple(sorted(set(found))[::4])


def texts(seed: int = 0) -> Table:
    documents = _documents()
    order = np.random.default_rng(seed).permutation(len(documents))
    prose = np.array([documents[k][0] for k in order], dtype=object)
    y = np.array([documents[k][1] for k in order])
    return Table(
        {"text": prose, "words": np.array([len(t.split()) for t in prose]), "y": y}, "y", "classification"
    )


@functools.cache
def photographs() -> NDArray[np.uint8]:
    """Return crops of two photographs, 64 x 64."""
    crops = []
    for image in datasets.load_sample_images().images:
        for y in range(0, image.shape[0] - 63, 32):
            crops += [image[y : y + 64, x : x + 64] for x in range(0, image.shape[1] - 63, 32)]
    return np.stack(crops)


def crops(part: slice = slice(None)) -> Images:
    pixels = photographs()[::2][part]
    return Images(pixels, np.arange(len(pixels)) % 2, 64)


def digits(rows: NDArray[np.int64] | None = None) -> Images:
    bunch = datasets.load_digits()
    pixels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    pixels = pixels.repeat(4, axis=1).repeat(4, axis=2)
    rows = np.arange(len(pixels)) if rows is None else rows
    return Images(pixels[rows], bunch.target[rows], 32)


DATA_SETS: dict[str, Callable[[], Data]] = {
    "iris": lambda: _shipped(datasets.load_iris),
    "wine": lambda: _shipped(datasets.load_wine),
    "breast cancer": lambda: _shipped(datasets.load_breast_cancer),
    "diabetes": lambda: _shipped(lambda: datasets.load_diabetes(scaled=False), "regression"),
    "digits as a table": lambda: _shipped(datasets.load_digits),
    "classes 200 x 3": lambda: classification(200, 4),
    "classes 1,000 x 20": lambda: classification(1000, 20),
    "classes 5,000 x 50": lambda: classification(5000, 50),
    "classes 1,000 x 300": lambda: classification(1000, 300),
    "classes 50,000 x 10": lambda: classification(50_000, 10),
    "values 300 x 3": lambda: regression(300, 3),
    "values 2,000 x 10": lambda: regression(2000, 10),
    "values 20,000 x 20": lambda: regression(20_000, 20),
    "people 1,000": lambda: people(1000),
    "people 10,000": lambda: people(10_000),
    "counts 2,000 x 15": lambda: counts(2000, 15),
    "measures 500 x 8": lambda: measures(500, 8),
    "texts": texts,
    "photographs": crops,
    "digits as images": digits,
}


def halves(data: Data, seed: int) -> tuple[Data, Data]:
    """Return two halves without a common row."""
    order = np.random.default_rng(seed).permutation(data.n)
    return data.rows(np.sort(order[: data.n // 2])), data.rows(np.sort(order[data.n // 2 :]))


def strangers(count: int) -> Iterator[tuple[str, str, tuple[Data, Data]]]:
    """Return pairs of different data with the same schema."""
    large = {"classes 50,000 x 10", "classes 1,000 x 300", "values 20,000 x 20", "classes 5,000 x 50"}
    names = [name for name in DATA_SETS if name not in large and name != "photographs"]
    cached = functools.cache(lambda name: DATA_SETS[name]())
    for k in range(count * 3 // 5):
        name = names[k % len(names)]
        yield "two halves of one source", name, halves(cached(name), k)
    for k in range(count // 5):
        n = (300, 1000, 5000)[k % 3]
        yield "two months of one table", f"people {n}", (people(n, k, 0), people(n, k, 1))
    kinds: list[Callable[[int], Table]] = [
        lambda seed: classification(1000, 10, seed),
        lambda seed: regression(500, 5, seed),
        lambda seed: counts(1000, 8, seed),
        lambda seed: measures(500, 6, seed),
    ]
    for k in range(count // 5):
        make = kinds[k % 4]
        yield "two generators of one kind", f"kind {k % 4}", (make(1000 + 2 * k), make(1001 + 2 * k))


STRANGERS = strangers
