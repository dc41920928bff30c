"""The rows of a split part as a map-style data set, with items as the user's own data set gave them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo, Examples
from trainables.data.item_fields import VARYING, own_shape


class Dataset:
    """The rows of one part; `torch.utils.data.DataLoader` and a plain loop take it.

    Args:
        examples: The rows.

    Attributes:
        examples: The rows as arrays: ``examples.inputs[examples.rows]``.
        info: Description of the whole data set.
    """

    def __init__(self, examples: Examples):
        self.examples = examples
        self.info: DataInfo = examples.info

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Any:
        """Return an item: (input, target) of arrays; of a map-style data set, what that returned.

        Raises:
            IndexError: If there is no such row, which ends a plain loop.
        """
        if not -len(self) <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        row = self.examples.rows[index]
        inputs, target = self.examples.inputs[row], self.examples.targets[row]
        if not self.info.fields:
            return np.array(inputs), _plain(target)
        fields = {name: self._value(name, type_, inputs, target) for name, type_ in self.info.fields.items()}
        return tuple(fields.values()) if "0" in fields else fields

    @property
    def inputs(self) -> Any:
        """Inputs of all rows, [n, ...], copied."""
        return self.examples.inputs[self.examples.rows]

    @property
    def targets(self) -> Any:
        """Targets of all rows, [n, ...], copied."""
        return self.examples.targets[self.examples.rows]

    @property
    def tokens(self) -> Any:
        """Tokens of all rows of a stream in their order, [length]: a view, or of scattered blocks a copy.

        Raises:
            UserError: If the data is not a stream.
        """
        rows, inputs = self.examples.rows, self.examples.inputs
        if self.info.kind != "stream":
            raise UserError(f"dataset.tokens is for an hpo.Stream; this data is of the kind {self.info.kind}")
        if len(rows) != rows[-1] - rows[0] + 1:
            return inputs[rows].reshape(-1)
        return inputs[rows[0] : rows[-1] + 1].reshape(-1)

    def _value(self, name: str, type_: str, inputs: Any, target: Any) -> Any:
        value: Any
        if name == self.info.target:
            value = self.info.classes[int(target)] if type_ == "str" else target
        else:
            value = inputs[name] if inputs.dtype.names else inputs
        if type_.endswith(VARYING):
            value, type_ = own_shape(value), type_.removesuffix(VARYING)
        match type_:
            case "tensor":
                return _tensor(value)
            case "array":
                return np.array(value)
            case "str":
                return value if isinstance(value, str) else value.decode()
            case "bool":
                return bool(value)
            case _:
                return int(value) if type_ == "int" else float(value)


@dataclass(frozen=True)
class DevelopmentData:
    """What a training function receives as its data.

    Attributes:
        train: Rows to fit weights to.
        validation: Rows to report on.
        info: Description of the data set: shape, classes, columns.
    """

    train: Dataset
    validation: Dataset
    info: DataInfo


def _plain(value: Any) -> Any:
    return value.item() if np.ndim(value) == 0 else np.array(value)


def _tensor(value: Any) -> Any:
    import torch

    return torch.from_numpy(np.array(value))
