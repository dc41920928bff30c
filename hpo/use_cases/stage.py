"""Trainable and data, as every process that trains or scores opens them."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpo.core.errors import UserError
from hpo.core.trainable import Trainable
from hpo.data.parts import open_part
from hpo.data.split import Split
from hpo.running.workplace import Stage


@dataclass(frozen=True)
class Staging:
    """Where a stage's trainable and data come from; can be sent to another process.

    Attributes:
        trainable: Shipped name, or ``module:attribute`` of a user's own.
        base: Folder that the user's own code is imported from.
        data: Folder of the development part.
        train: Rows to train on.
        validation: Rows to validate on.
    """

    trainable: str
    base: Path
    data: Path
    train: Path
    validation: Path

    @classmethod
    def of(cls, trainable: str, base: Path, data: Path, split: Split, folder: Path) -> Staging:
        """Write a split's rows where every worker finds them."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = folder / "train.npy", folder / "validation.npy"
        for path, rows in zip(paths, (split.train, split.validation), strict=True):
            np.save(path, rows)
        return cls(trainable, base, data, *paths)

    def __call__(self) -> Stage:
        """Open the stage in this process."""
        trainable = load_trainable(self.trainable, self.base)
        parts = [open_part(self.data, np.load(rows)) for rows in (self.train, self.validation)]
        return Stage(trainable, *parts)


def load_trainable(name: str, base: Path) -> Trainable:
    """Import a trainable: a shipped one, or a user's own from the spec's folder or what is installed.

    Raises:
        UserError: If there is none of that name.
    """
    from trainables.tables import SHIPPED

    if name in SHIPPED:
        shipped: Trainable = SHIPPED[name].load()
        return shipped
    module, _, attribute = name.partition(":")
    if str(base) not in sys.path:
        sys.path.insert(0, str(base))
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UserError(f"trainable {name!r} cannot be imported: {error}") from error
    trainable: Trainable = found() if isinstance(found, type) else found
    return trainable
