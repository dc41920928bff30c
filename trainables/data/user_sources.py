"""A user's own source: a function that returns the arrays of a part.

The function is called as ``function("development", **arguments)`` and ``function("test", ...)``
and returns ``(inputs, targets)``, or a mapping with ``inputs`` and ``targets`` and optionally
``classes``, ``columns``, ``groups``, ``times``, ``kind``, ``task`` and ``originals``, or a map-style data set
(`trainables.data.map_style`), an iterable of its items, a `Stream` of tokens, or None if the data has no
test part. Labels may be texts; without
``classes``, the classes are the development part's labels in sorted order. Arrays keep their types,
except a table (two dimensions), which is float32. Large memory maps stay where they are
(`trainables.data.file_map`).
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.import_folders import import_folders
from hpo.core.json_values import JsonFields
from hpo.core.trainable import AS_FLOATS, DataInfo
from hpo.core.user_modules import import_user_module
from trainables.data.array_doubts import (
    channels_first,
    constant,
    encoded,
    guessed,
    missing_codes,
    not_images,
    reordered,
    rounded,
    shaped,
)
from trainables.data.content import Content, SourcePaths
from trainables.data.digests import row_digests
from trainables.data.file_map import in_place_note, stays_in_place
from trainables.data.item_fields import ItemReader
from trainables.data.iterated_items import IteratedItems
from trainables.data.map_style import TEXTS_BY_CONTENT, is_map_style, read_items, reopened
from trainables.data.originals import given
from trainables.data.row_sample import digested_rows
from trainables.data.table_encoding import float_targets
from trainables.data.token_stream import KIND, Stream
from trainables.data.varying_items import item_digests

MICROSECONDS_A_DAY = 86_400e6

SHOWN = 5
"""Labels in a message."""

KINDS, TASKS = ("image", "table", "array"), ("classification", "regression", "other")
"""What a function may say of its data."""

LEGAL = ("inputs", "targets", "classes", "columns", "groups", "times", "kind", "task", "originals")


@dataclass(frozen=True)
class UserSource:
    """A user's function as a source.

    Attributes:
        name: ``module:function``, for messages.
        function: The user's function.
        arguments: The arguments it is called with.
        paths: Where it may write what does not fit into memory.
        as_given: Whether arrays keep their types; searches recorded before read them as float32.
    """

    name: str
    function: Callable[..., Any]
    arguments: Mapping[str, Any]
    paths: SourcePaths
    as_given: bool = True

    @classmethod
    def of(cls, name: str, arguments: Mapping[str, Any], paths: SourcePaths) -> UserSource:
        """Import the function from the spec's folder or from an installed package.

        Raises:
            UserError: If the module or function does not exist.
        """
        module, _, attribute = name.partition(":")
        folders = [str(folder) for folder in import_folders(paths.base)]
        sys.path[:0] = folders
        try:
            function = getattr(import_user_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise UserError(f"data.source: {name} cannot be imported from {paths.base}: {error}") from error
        finally:
            for folder in folders:
                sys.path.remove(folder)
        passed = {key: value for key, value in arguments.items() if key != AS_FLOATS}
        return cls(name, function, passed, paths, as_given=len(passed) == len(arguments))

    def state(self) -> None:
        """Return None: the function may read anything."""
        return None

    def development(self) -> Content:
        """Return the function's ``development`` part."""
        return self._development

    def test(self) -> Content | None:
        """Return the function's ``test`` part, with the classes of the development part."""
        arrays = self._call("test")
        return None if arrays is None else self._read(arrays, "test", self._development.info)

    @functools.cached_property
    def _development(self) -> Content:
        arrays = self._call("development")
        if arrays is None:
            raise UserError(f"data.source: {self.name} returned no development part")
        return self._read(arrays, "development", None)

    def _read(self, result: Any, part: str, development: DataInfo | None) -> Content:
        if isinstance(result, dict):
            content = self._content(result, development)
            originals = result.get("originals")
            if originals is None:
                return content
            return replace(content, originals=given(originals, len(content), content.info, self.paths))
        origin = {"source": self.name, "arguments": dict(self.arguments), "base": str(self.paths.base)}
        lasting = None if isinstance(result, IteratedItems) else origin
        return read_items(result, f"data.source: {self.name}({part!r})", self.paths, development, lasting)

    def reader(self, reference: JsonFields) -> ItemReader:
        """Return what reads items of the development part, which stayed where they are."""
        return reopened(self._call("development"), reference, f"data.source: {self.name}('development')")

    def _call(self, part: str) -> Any:
        """Return the function's arrays by name or its map-style data set; None if there is no such part."""
        try:
            result = self.function(part, **self.arguments)
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            cause = f"{type(error).__name__}: {error}"
            raise UserError(f"data.source: {self.name}({part!r}) failed: {cause}") from error
        if result is None:
            return None
        if isinstance(result, Stream):
            return result.arrays()
        if isinstance(result, tuple) and len(result) == 2:
            return {"inputs": result[0], "targets": result[1]}
        if isinstance(result, Mapping) and {"inputs", "targets"} <= set(result) <= set(LEGAL):
            return dict(result)
        if is_map_style(result):
            return result
        if isinstance(result, Iterable) and not isinstance(result, Mapping | tuple | str | bytes):
            return IteratedItems(lambda: self.function(part, **self.arguments))
        raise UserError(
            f"data.source: {self.name}({part!r}) must return (inputs, targets) or a mapping with "
            f"inputs, targets and any of {', '.join(LEGAL[2:])}, or a map-style data set, an iterable of "
            f"items or hpo.Stream, not {_described(result)}"
        )

    def _content(self, arrays: dict[str, Any], development: DataInfo | None) -> Content:
        for name in ("inputs", "targets"):
            if self.paths.reader > 5 and np.ma.is_masked(arrays[name]):
                raise UserError(
                    f"data.source: {self.name} returned {name} as a masked array, whose mask would be lost; "
                    f"return {name}.filled(np.nan), or leave the rows out"
                )
        inputs, targets = (self._array(arrays, name) for name in ("inputs", "targets"))
        if targets.dtype.kind == "S" and self.paths.reader > 7:
            targets = self._decoded(targets, "targets")
        if object in (inputs.dtype, targets.dtype) or not inputs.shape:
            raise UserError(f"data.source: {self.name} must return plain numeric arrays, not objects")
        if development is None and "classes" not in arrays and arrays.get("task") in (None, "classification"):
            self._refuse_gaps(targets)
        if self.paths.reader > 5:
            self._refuse_words(arrays)
        mapped = self.paths.reader > 5 and stays_in_place(inputs)
        info = development or _info(arrays, inputs, targets, mapped)
        if info.kind == "image" and "kind" not in arrays and self.paths.reader > 2:
            self._refuse_channels_first(inputs.shape)
        if info.kind in ("table", "image") and inputs.dtype.kind in "SU":
            raise UserError(
                f"data.source: {self.name} returned inputs of texts, {list(inputs.shape)}, which are no "
                f"{info.kind}; return a pandas table or a list of dictionaries, whose texts are inputs, or "
                "kind: array with them"
            )
        if mapped and _as_stored(info.kind, inputs):
            return self._in_place(arrays, inputs, targets, info)
        identity = None
        lost: tuple[str, ...] = ()
        if info.kind not in ("image", KIND) and inputs.dtype != np.float32 and inputs.dtype.kind in "fiub":
            with np.errstate(over="ignore"):  # what is too large becomes infinite, which is refused later
                floats = inputs.astype(np.float32)
            if info.kind == "table" or not self.as_given:
                lost = rounded(inputs, floats) if development is None else ()
                inputs = floats
            else:
                identity = row_digests(floats)  # rows that were opened as float32 are still recognised
        if _are_texts(inputs, self.paths.reader):
            identity = item_digests(inputs)
        times = arrays.get("times")
        return Content(
            np.ascontiguousarray(inputs),
            _coded(targets, info),
            info,
            self._groups(arrays),
            None if times is None else self._times(np.asarray(times)),
            identity,
            warnings=(
                *_tied(times),
                *lost,
                *(() if development else encoded(arrays["targets"])),
                *(() if development else not_images(inputs, info)),
                *(() if development else missing_codes(inputs, info)),
                *(() if "task" in arrays or development else guessed(targets, info)),
                *(() if development else constant(targets)),
                *(() if "task" in arrays or development else shaped(targets, info)),
                *reordered(arrays["inputs"], arrays["targets"]),
            ),
        )

    def _refuse_words(self, arrays: Mapping[str, Any]) -> None:
        """Refuse a kind or task that does not exist: it would be a kind of its own, without any check."""
        for name, legal in (("kind", KINDS), ("task", TASKS)):
            word = arrays.get(name)
            if word is not None and word not in (*legal, KIND):
                raise UserError(
                    f"data.source: {self.name} returned {name} {word!r}; legal: {', '.join(legal)}"
                )

    def _array(self, arrays: Mapping[str, Any], name: str) -> NDArray[Any]:
        """Return inputs or targets as an array.

        Raises:
            UserError: If rows have different lengths, or fields with names.
        """
        try:
            array = np.asarray(arrays[name])
        except Exception as error:  # a library's own arrays may refuse in any way
            raise UserError(
                f"data.source: {self.name} returned {name} that are not an array: {error}"
            ) from error
        if array.dtype.names:
            raise UserError(
                f"data.source: {self.name} returned {name} with the fields {', '.join(array.dtype.names)}; "
                "return plain numeric arrays, a column for each field"
            )
        return array

    def _groups(self, arrays: Mapping[str, Any]) -> NDArray[Any] | None:
        """Return the group of each row, as whole numbers or texts; None if there are none."""
        if arrays.get("groups") is None:
            return None
        values = np.asarray(arrays["groups"])
        if values.dtype.kind == "S":
            return self._decoded(values, "groups")
        return values.astype(np.int64) if values.dtype.kind in "iub" else values.astype(str)

    def _decoded(self, texts: NDArray[Any], name: str) -> NDArray[Any]:
        """Return bytes as the text that they encode.

        Raises:
            UserError: If they encode none in UTF-8.
        """
        try:
            return np.char.decode(texts, "utf-8")
        except UnicodeDecodeError as error:
            raise UserError(
                f"data.source: {self.name} returned {name} of bytes that are not a text in UTF-8; "
                "return texts or whole numbers"
            ) from error

    def _in_place(
        self, arrays: dict[str, Any], inputs: NDArray[Any], targets: NDArray[Any], info: DataInfo
    ) -> Content:
        """Return a part whose inputs stay in their file."""
        times = arrays.get("times")
        rows = digested_rows(inputs, self.paths.reader)
        floats = (
            info.kind not in ("image", KIND) and inputs.dtype.kind in "fiub"
        )  # as copied arrays are recognised
        digests = functools.partial(row_digests, inputs, rows, np.dtype(np.float32) if floats else None)
        if _are_texts(inputs, self.paths.reader):
            digests = functools.partial(item_digests, inputs, rows)
        content = Content(
            inputs,
            _coded(targets, info),
            info,
            self._groups(arrays),
            None if times is None else self._times(np.asarray(times)),
            warnings=(*_tied(times), *not_images(inputs, info), in_place_note(inputs, rows)),
            in_place=True,
            digested=rows,
            digester=digests,
        )
        content.sample()  # its values are checked
        return content

    def _refuse_channels_first(self, shape: tuple[int, ...]) -> None:
        """Refuse images that have their channels before height and width, as torch has them.

        Raises:
            UserError: If only the first of the three sizes can be a number of channels.
        """
        if channels_first(shape):
            raise UserError(
                f"data.source: {self.name} returned images of shape {list(shape)}, which seem to have their "
                "channels first; images are [n, height, width, channels]: return "
                "np.moveaxis(images, 1, -1), or kind: image with them if the shape is right"
            )

    def _refuse_gaps(self, labels: NDArray[Any]) -> None:
        """Refuse whole labels that skip values, for each of which a class without an example would exist.

        Raises:
            UserError: If they are not 0, 1, 2, ...
        """
        if self.paths.reader <= 3 or labels.dtype.kind not in "iu" or labels.ndim != 1 or not labels.size:
            return
        used = np.unique(labels)
        if used[0] >= 0 and len(used) <= used[-1]:
            shown = ", ".join(map(str, used[:SHOWN])) + (", ..." if len(used) > SHOWN else "")
            first = int(np.setdiff1d(np.arange(len(used) + 1), used)[0])
            raise UserError(
                f"data.source: {self.name} returned the labels {shown}, so that class {first} has no "
                "example; return labels 0, 1, 2, ... or texts, or classes with the names of all classes"
            )

    def _times(self, times: NDArray[Any]) -> NDArray[np.float64]:
        """Return numbers unchanged and dates as days."""
        if times.dtype.kind == "M":
            days = times.astype("datetime64[us]").astype(np.float64) / MICROSECONDS_A_DAY
            return np.where(np.isnat(times), np.nan, days)
        if times.dtype.kind not in "fiub":
            first = ", ".join(repr(str(value)) for value in times.flat[:2])
            raise UserError(
                f"data.source: {self.name} must return times as numbers or numpy dates, not as texts or "
                f"objects: {first}"
            )
        return times.astype(np.float64)


def _are_texts(inputs: NDArray[Any], reader: int) -> bool:
    """Return whether inputs are texts, which are stored as wide as the longest of their part."""
    return inputs.dtype.kind in "SU" and reader >= TEXTS_BY_CONTENT


def _as_stored(kind: str, inputs: NDArray[Any]) -> bool:
    """Return whether inputs are used with the type that they have."""
    return kind != "table" or inputs.dtype == np.float32


def _info(
    arrays: dict[str, Any], inputs: NDArray[Any], targets: NDArray[Any], mapped: bool = False
) -> DataInfo:
    usual = "regression" if targets.dtype.kind == "f" else "classification"
    task = arrays.get("task") or (usual if targets.ndim == 1 else "other")
    image = inputs.dtype == np.uint8 and inputs.ndim == 4
    table = inputs.ndim == 2 and (inputs.dtype == np.float32 or not mapped)
    kind = arrays.get("kind") or ("image" if image else "table" if table else "array")
    classes: tuple[str, ...] = ()
    if task == "classification":
        classes = tuple(str(name) for name in arrays.get("classes") or _class_names(targets))
    columns = tuple(str(name) for name in arrays.get("columns") or ())
    return DataInfo(kind, task, tuple(inputs.shape[1:]), classes, columns)


def _coded(targets: NDArray[Any], info: DataInfo) -> NDArray[Any]:
    if info.task == "other":
        return np.ascontiguousarray(targets)
    return float_targets(targets) if info.task == "regression" else _labels(targets, info)


def _class_names(targets: NDArray[Any]) -> Iterable[Any]:
    whole = targets.dtype.kind in "iu" and targets.size > 0
    return range(int(targets.max()) + 1) if whole else np.unique(targets)


def _labels(targets: NDArray[Any], info: DataInfo) -> NDArray[np.int64]:
    if targets.dtype.kind in "iu":
        return targets.astype(np.int64)
    codes = {name: code for code, name in enumerate(info.classes)}
    unknown = [str(name) for name in np.unique(targets) if str(name) not in codes]
    if unknown:
        raise UserError(f"data: label {unknown[0]!r} is not one of the classes {', '.join(info.classes)}")
    return np.array([codes[str(name)] for name in targets], dtype=np.int64)


def _tied(times: Any) -> tuple[str, ...]:
    if times is None:
        return ()
    _, counts = np.unique(np.asarray(times), return_counts=True)
    tied = int(counts[counts > 1].sum())
    warning = f"{tied} of {counts.sum()} rows share their time with others and stay together"
    return (warning,) if tied else ()


def _described(result: Any) -> str:
    if isinstance(result, Mapping):
        return f"a mapping with {', '.join(map(str, result))}"
    return f"{type(result).__name__}"
