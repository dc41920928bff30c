"""A user's own source: a function that is asked for a part and gives its arrays.

The function is called as ``function("development", **arguments)`` and ``function("test", ...)``
and returns ``(inputs, targets)``, or a mapping with ``inputs`` and ``targets`` and, if wanted,
``classes``, ``columns``, ``groups``, ``times``, ``kind`` and ``task``, or None where there is no
test part. Labels may be texts; without ``classes`` they are those of the development part in sorted
order.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo
from trainables.data.content import Content, SourcePaths

MICROSECONDS_A_DAY = 86_400e6

LEGAL = ("inputs", "targets", "classes", "columns", "groups", "times", "kind", "task")


@dataclass(frozen=True)
class UserSource:
    """What a user's function gives, brought into the shape of every other source.

    Attributes:
        name: ``module:function``, for messages.
        function: The user's function.
        arguments: What it is called with.
    """

    name: str
    function: Callable[..., Any]
    arguments: Mapping[str, Any]

    @classmethod
    def of(cls, name: str, arguments: Mapping[str, Any], place: SourcePaths) -> UserSource:
        """Import the function from the spec's own folder or from what is installed.

        Raises:
            UserError: If there is no such module or function.
        """
        module, _, attribute = name.partition(":")
        sys.path.insert(0, str(place.base))
        try:
            function = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise UserError(f"data.source: {name} cannot be imported from {place.base}: {error}") from error
        finally:
            sys.path.remove(str(place.base))
        return cls(name, function, arguments)

    def state(self) -> None:
        """Unknown: the function may read anything."""
        return None

    def development(self) -> Content:
        """What the function gives for ``development``."""
        return self._development

    def test(self) -> Content | None:
        """What it gives for ``test``, with the classes of the development part."""
        given = self._ask("test")
        return None if given is None else self._content(given, self._development.info)

    @functools.cached_property
    def _development(self) -> Content:
        given = self._ask("development")
        if given is None:
            raise UserError(f"data.source: {self.name} gives no development part")
        return self._content(given, None)

    def _ask(self, part: str) -> dict[str, Any] | None:
        try:
            given = self.function(part, **self.arguments)
        except UserError:
            raise
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise UserError(f"data.source: {self.name}({part!r}) failed: {what}") from error
        if given is None:
            return None
        if isinstance(given, tuple) and len(given) == 2:
            return {"inputs": given[0], "targets": given[1]}
        if isinstance(given, Mapping) and {"inputs", "targets"} <= set(given) <= set(LEGAL):
            return dict(given)
        raise UserError(
            f"data.source: {self.name}({part!r}) must return (inputs, targets) or a mapping with "
            f"inputs, targets and any of {', '.join(LEGAL[2:])}, not {_what(given)}"
        )

    def _content(self, given: dict[str, Any], known: DataInfo | None) -> Content:
        inputs, targets = np.asarray(given["inputs"]), np.asarray(given["targets"])
        if object in (inputs.dtype, targets.dtype) or not inputs.shape:
            raise UserError(f"data.source: {self.name} must give plain numeric arrays, not objects")
        info = known or _info(given, inputs, targets)
        if info.kind != "image" and inputs.dtype != np.float32 and inputs.dtype.kind in "fiub":
            inputs = inputs.astype(np.float32)
        coded = targets.astype(np.float32) if info.task == "regression" else _labels(targets, info)
        groups, times = given.get("groups"), given.get("times")
        return Content(
            np.ascontiguousarray(inputs),
            coded,
            info,
            None if groups is None else _plain(np.asarray(groups)),
            None if times is None else self._times(np.asarray(times)),
            warnings=_tied(times),
        )

    def _times(self, times: NDArray[Any]) -> NDArray[np.float64]:
        """Numbers as they are, dates as days."""
        if times.dtype.kind == "M":
            days = times.astype("datetime64[us]").astype(np.float64) / MICROSECONDS_A_DAY
            return np.where(np.isnat(times), np.nan, days)
        if times.dtype.kind not in "fiub":
            shown = ", ".join(repr(str(each)) for each in times.flat[:2])
            raise UserError(
                f"data.source: {self.name} must give times as numbers or numpy's dates, not as texts or "
                f"objects: {shown}"
            )
        return times.astype(np.float64)


def _info(given: dict[str, Any], inputs: NDArray[Any], targets: NDArray[Any]) -> DataInfo:
    task = given.get("task") or ("regression" if targets.dtype.kind == "f" else "classification")
    image = inputs.dtype == np.uint8 and inputs.ndim == 4
    kind = given.get("kind") or ("image" if image else "table" if inputs.ndim == 2 else "array")
    classes: tuple[str, ...] = ()
    if task == "classification":
        classes = tuple(str(name) for name in given.get("classes") or _named(targets))
    columns = tuple(str(name) for name in given.get("columns") or ())
    return DataInfo(kind, task, tuple(inputs.shape[1:]), classes, columns)


def _named(targets: NDArray[Any]) -> Iterable[Any]:
    whole = targets.dtype.kind in "iu" and targets.size > 0
    return range(int(targets.max()) + 1) if whole else np.unique(targets)


def _labels(targets: NDArray[Any], info: DataInfo) -> NDArray[np.int64]:
    if targets.dtype.kind in "iu":
        return targets.astype(np.int64)
    codes = {name: code for code, name in enumerate(info.classes)}
    unknown = [str(name) for name in np.unique(targets) if str(name) not in codes]
    if unknown:
        raise UserError(f"data: label {unknown[0]!r} is none of the classes {', '.join(info.classes)}")
    return np.array([codes[str(name)] for name in targets], dtype=np.int64)


def _tied(times: Any) -> tuple[str, ...]:
    if times is None:
        return ()
    _, counts = np.unique(np.asarray(times), return_counts=True)
    tied = int(counts[counts > 1].sum())
    said = f"{tied} of {counts.sum()} rows share their time with others, and stay with them"
    return (said,) if tied else ()


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.int64) if values.dtype.kind in "iub" else values.astype(str)


def _what(given: Any) -> str:
    if isinstance(given, Mapping):
        return f"a mapping with {', '.join(map(str, given))}"
    return f"{type(given).__name__}"
