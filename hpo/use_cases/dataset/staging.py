"""Open the trainable and the data in every process that trains or scores."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hpo.core.command import ScriptCommand
from hpo.core.errors import UserError
from hpo.core.fresh_seeds import SEARCH
from hpo.core.import_folders import import_folders
from hpo.core.shipped_model import ALL
from hpo.core.trainable import Examples, Trainable, trainable_of
from hpo.core.user_code import CodeDigests
from hpo.core.user_modules import import_user_module
from hpo.data.examples import open_examples
from hpo.data.prepared import TARGETS, array, mapped
from hpo.data.split import Split
from hpo.running.environment import OpenedStage, TrainingData
from hpo.use_cases.dataset.code_check import require_code

TRAIN, VALIDATION, FINAL = 1, 2, 3
"""Roles of rows in the file of a split, one byte per row; 0 for rows without a role."""


@dataclass(frozen=True)
class DataStaging:
    """Where a stage's trainable and data come from; can be sent to another process.

    Attributes:
        trainable: Shipped name, or ``module:attribute`` of the user's own.
        base: Folder that the user's code is imported from.
        data: Folder of the development part.
        splits: Folder with a file for each split, named after it.
        code: Files of the user's code with the digests that they must have; empty for any code.
    """

    trainable: str
    base: Path
    data: Path
    splits: Path
    code: CodeDigests = field(default_factory=dict)

    @classmethod
    def of(
        cls, trainable: str, base: Path, data: Path, splits: Mapping[str, Split], folder: Path
    ) -> DataStaging:
        """Write the rows of named splits where every worker finds them.

        Args:
            trainable: Shipped name, or ``module:attribute``.
            base: Folder that the user's code is imported from.
            data: Folder of the development part.
            splits: Splits by name; ``search`` is required, and its final part is the stage's.
            folder: Folder of the search.
        """
        splits_folder = folder / "splits"
        splits_folder.mkdir(parents=True, exist_ok=True)
        n = len(array(data, TARGETS))
        for name, split in splits.items():
            roles = np.zeros(n, np.uint8)
            for role, rows in ((TRAIN, split.train), (VALIDATION, split.validation), (FINAL, split.final)):
                if rows is not None:
                    roles[rows] = role
            np.save(splits_folder / f"{name}.npy", roles)
        return cls(trainable, base, data, splits_folder)

    def __call__(self) -> OpenedStage:
        """Open the stage in this process; a split is opened when it is first asked for.

        Raises:
            ChangedCode: If the user's code is not the expected one.
        """
        self.require_code()
        return OpenedStage(
            load_trainable(self.trainable, self.base), functools.cache(self._parts), self._final
        )

    def require_code(self) -> None:
        """Refuse to go on if the user's code, as this process sees it, is not the expected one.

        Raises:
            ChangedCode: If so.
        """
        require_code("this search", self.trainable, self.base, self.code)

    def _parts(self, split: str) -> TrainingData:
        if split == ALL:
            roles = mapped(self.splits / f"{SEARCH}.npy")
            # A recipe that monitors validation as it trains then sees rows that it is trained on.
            validation = self._examples(SEARCH, VALIDATION)
            return TrainingData(open_examples(self.data, np.flatnonzero(roles)), validation)
        return TrainingData(self._examples(split, TRAIN), self._examples(split, VALIDATION))

    def _final(self) -> Examples | None:
        final = self._examples(SEARCH, FINAL)
        return final if len(final) else None

    def _examples(self, split: str, role: int) -> Examples:
        return open_examples(self.data, np.flatnonzero(mapped(self.splits / f"{split}.npy") == role))


def load_trainable(name: str, base: Path) -> Trainable:
    """Import a trainable: a shipped one, or the user's own from the spec's folder or an installed package.

    Raises:
        UserError: If it does not exist.
    """
    from trainables.registry import SHIPPED

    if name in SHIPPED:
        shipped: Trainable = SHIPPED[name].load()
        return shipped
    if command := ScriptCommand.of(name):
        from trainables.commands.command_trainable import CommandTrainable

        return CommandTrainable(command, base)
    module, _, attribute = name.partition(":")
    # The spec's own folder comes first, whatever else is on a worker's path.
    folders = [str(folder) for folder in import_folders(base)]
    sys.path[:] = [*folders, *(folder for folder in sys.path if folder not in folders)]
    try:
        imported = getattr(import_user_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UserError(f"trainable {name!r} cannot be imported: {error}") from error
    trainable: Trainable = trainable_of(imported)
    return trainable
