"""The edits of a data set before it is read again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Column = NDArray[Any]
Random = np.random.Generator


@dataclass(frozen=True)
class Table:
    """Columns of one length, one of them the target."""

    columns: Mapping[str, Column]
    target: str
    task: str

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.columns[self.target])

    def rows(self, rows: NDArray[np.int64]) -> Table:
        """Return some rows, in this order."""
        return replace(self, columns={name: column[rows] for name, column in self.columns.items()})

    def mapped(self, change: Callable[[Column], Column]) -> Table:
        """Return the table with every numeric input changed."""
        return replace(
            self,
            columns={
                name: change(column) if name != self.target and column.dtype.kind in "fiu" else column
                for name, column in self.columns.items()
            },
        )


def renamed(table: Table, random: Random) -> Table:
    names = {name: f"column_{k}" for k, name in enumerate(table.columns) if name != table.target}
    return replace(table, columns={names.get(name, name): c for name, c in table.columns.items()})


def reordered(table: Table, random: Random) -> Table:
    names = list(table.columns)
    random.shuffle(names)
    return replace(table, columns={name: table.columns[name] for name in names})


def with_ids(table: Table, random: Random) -> Table:
    return replace(table, columns={"row_id": np.arange(table.n) + 1, **table.columns})


def with_constant(table: Table, random: Random) -> Table:
    return replace(table, columns={**table.columns, "always": np.ones(table.n)})


def with_derived(table: Table, random: Random) -> Table:
    numeric = [c for n, c in table.columns.items() if n != table.target and c.dtype.kind in "fiu"]
    derived = numeric[0] * 2.0 + numeric[-1] if numeric else np.arange(table.n) % 7
    return replace(table, columns={**table.columns, "derived": derived})


def dropped(table: Table, random: Random) -> Table:
    names = [name for name in table.columns if name != table.target]
    if len(names) < 2:
        return table
    out = names[int(random.integers(len(names)))]
    return replace(table, columns={name: c for name, c in table.columns.items() if name != out})


def float32(table: Table, random: Random) -> Table:
    return table.mapped(lambda column: column.astype(np.float32))


def rounded(table: Table, random: Random) -> Table:
    return table.mapped(lambda column: np.round(column.astype(np.float64), 3))


def times_1000(table: Table, random: Random) -> Table:
    return table.mapped(lambda column: column * 1000.0)


def standardised(table: Table, random: Random) -> Table:
    return table.mapped(lambda column: (column - np.nanmean(column)) / (np.nanstd(column) or 1.0))


def noisy(table: Table, random: Random) -> Table:
    return table.mapped(lambda column: column + random.normal(0, 1e-6, len(column)))


def target_renamed(table: Table, random: Random) -> Table:
    columns = {"outcome" if n == table.target else n: c for n, c in table.columns.items()}
    return replace(table, columns=columns, target="outcome")


def target_recoded(table: Table, random: Random) -> Table:
    target = table.columns[table.target]
    if table.task == "regression":
        changed = target * 2.54 + 7
    else:
        names, codes = np.unique(target, return_inverse=True)
        changed = np.array([f"kind {k}" for k in random.permutation(len(names))])[codes]
    return replace(table, columns={**table.columns, table.target: changed})


def shuffled(table: Table, random: Random) -> Table:
    return table.rows(random.permutation(table.n))


def halved(table: Table, random: Random) -> Table:
    return table.rows(np.sort(random.permutation(table.n)[: table.n // 2]))


def repeated(table: Table, random: Random) -> Table:
    return table.rows(np.concatenate([np.arange(table.n), np.arange(table.n)]))


def joined(table: Table, random: Random) -> Table:
    """Append as many new rows, of resampled and jittered columns."""
    columns = {}
    for name, column in table.columns.items():
        new = column[random.permutation(table.n)]
        if column.dtype.kind == "f" and len(np.unique(column)) > 20:
            new = new + random.normal(0, 0.1, table.n) * np.nanstd(column)
        columns[name] = np.concatenate([column, new])
    return replace(table, columns=columns)


EDITS: dict[str, Callable[[Table, Random], Table]] = {
    "renamed": renamed,
    "reordered": reordered,
    "ids added": with_ids,
    "constant added": with_constant,
    "derived added": with_derived,
    "column dropped": dropped,
    "float32": float32,
    "rounded": rounded,
    "times 1000": times_1000,
    "standardised": standardised,
    "noise 1e-6": noisy,
    "target renamed": target_renamed,
    "target recoded": target_recoded,
    "shuffled": shuffled,
    "halved": halved,
    "repeated": repeated,
    "joined": joined,
}
PROMISED_NOT = [{"standardised", rows} for rows in ("halved", "joined")]


@dataclass(frozen=True)
class Images:
    """Images with labels, and how they are saved."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    size: int
    ending: str = "png"
    quality: int = 95
    test_folder: bool = False

    @property
    def n(self) -> int:
        """Number of images."""
        return len(self.labels)

    def rows(self, rows: NDArray[np.int64]) -> Images:
        """Return some images."""
        return replace(self, pixels=self.pixels[rows], labels=self.labels[rows])

    def write(self, root: Path) -> None:
        """Save the images in one folder per class."""
        for row, (pixels, label) in enumerate(zip(self.pixels, self.labels, strict=True)):
            part = ("test/" if row % 5 == 0 else "train/") if self.test_folder else ""
            folder = root / f"{part}class{label}"
            folder.mkdir(parents=True, exist_ok=True)
            image = Image.fromarray(pixels.squeeze())
            file = BytesIO()
            options = {"quality": self.quality} if self.ending == "jpg" else {}
            image.save(file, {"jpg": "jpeg"}.get(self.ending, self.ending), **options)
            (folder / f"{row:06d}.{self.ending}").write_bytes(file.getvalue())


def resized(factor: float) -> Callable[[Images, Random], Images]:
    def resize(data: Images, random: Random) -> Images:
        size = round(data.pixels.shape[1] * factor)
        pixels = np.stack(
            [np.asarray(Image.fromarray(p.squeeze()).resize((size, size))) for p in data.pixels]
        )
        pixels = pixels if pixels.ndim == 4 else pixels[..., None]
        return replace(data, pixels=pixels)

    return resize


def grey(data: Images, random: Random) -> Images:
    pixels = np.stack([np.asarray(Image.fromarray(p.squeeze()).convert("L"))[..., None] for p in data.pixels])
    return replace(data, pixels=pixels)


def brighter(data: Images, random: Random) -> Images:
    return replace(data, pixels=np.minimum(data.pixels.astype(int) + 1, 255).astype(np.uint8))


IMAGE_EDITS: dict[str, Callable[[Images, Random], Images]] = {
    "png": lambda data, random: replace(data, ending="png"),
    "bmp": lambda data, random: replace(data, ending="bmp"),
    "jpeg 95": lambda data, random: replace(data, ending="jpg", quality=95),
    "jpeg 75": lambda data, random: replace(data, ending="jpg", quality=75),
    "half size": resized(0.5),
    "double size": resized(2.0),
    "grey": grey,
    "channels swapped": lambda data, random: replace(data, pixels=data.pixels[..., ::-1].copy()),
    "brighter": brighter,
    "test folder": lambda data, random: replace(data, test_folder=True),
}
