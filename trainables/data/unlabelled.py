"""Read data without targets in the encoding of the data that a model was trained on.

Images come from a folder of any depth, rows from a CSV or Parquet table by the names of its columns,
and either from an array in an ``.npy`` file; items of a map-style data set from a file of JSON lines.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.lib.format import MAGIC_PREFIX
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.formatting import count
from hpo.core.trainable import AS_FLOATS, DataInfo
from trainables.data.digests import packed, row_digests
from trainables.data.originals import Originals, collected
from trainables.data.unlabelled_items import ENDING, input_names, read_json_items

TABLES = {".csv": "csv", ".parquet": "parquet"}
NO_TYPES: Mapping[str, str] = MappingProxyType({})
SHOWN = 5

LONGEST = 300
"""Characters of a reader's error, which may quote the file."""


@dataclass(frozen=True)
class Unlabelled:
    """Examples without targets.

    Attributes:
        inputs: As `Examples.inputs`, [n, ...].
        names: Name of each row: an image's path in its folder, otherwise its number from 0.
        digests: Digests by which a row of a known data set is recognised, [n, 2].
        warnings: What the user should know, each a sentence.
        labelled: Whether the files also hold the targets, which are not read: a column of a table, or
            folders named after the classes.
        cells: Columns of a table as numbers or texts, [n] each; empty of other data.
        ids: Values of the column that identifies rows, [n]; None without one.
        originals: The images in their own sizes, if the model was trained on such; else None.
    """

    inputs: NDArray[Any]
    names: tuple[str, ...]
    digests: NDArray[np.uint64]
    warnings: tuple[str, ...] = ()
    labelled: bool = False
    cells: tuple[NDArray[Any], ...] = ()
    ids: NDArray[Any] | None = None
    originals: Originals | None = None


def read_unlabelled(
    path: Path, info: DataInfo, arguments: Mapping[str, Any], types: Mapping[str, str] = NO_TYPES
) -> Unlabelled:
    """Read examples for a model.

    Args:
        path: A folder of images, a ``.csv`` or ``.parquet`` table, an ``.npy`` array, or a ``.jsonl`` file of
            items.
        info: Description of the data that the model was trained on.
        arguments: Arguments of its source, which say how to read files.
        types: Of items, the numpy types of their arrays, as `item_types` returns them.

    Raises:
        UserError: If the file does not exist or holds another kind of data.
    """
    if not path.exists():
        raise UserError(f"{path} does not exist")
    if not path.is_file() and not path.is_dir():
        raise UserError(f"{path} is neither a file nor a folder")
    if path.suffix.lower() == ".npy":
        return _array(path, info, as_floats=AS_FLOATS in arguments)
    if path.is_dir() and info.kind == "image":
        return _images(path, info, arguments)
    if path.suffix.lower() in TABLES and (info.kind == "table" or info.columns):
        return _table(path, info, arguments)
    if path.suffix.lower() == ENDING and info.kind == "items":
        inputs, digests, labelled = read_json_items(path, info, types)
        return Unlabelled(inputs, tuple(map(str, range(len(inputs)))), digests, labelled=labelled)
    files = {
        "image": "a folder of images",
        "table": "a .csv or .parquet table",
        "items": f"a {ENDING} file, each line an object with {', '.join(input_names(info))}",
    }.get(info.kind)
    legal = f"{files}, or an .npy array" if files else "an .npy array"
    raise UserError(f"{path}: the model was trained on {info.kind} data; legal: {legal}")


def _array(path: Path, info: DataInfo, as_floats: bool) -> Unlabelled:
    inputs = _mapped(path)
    shape = "x".join(map(str, ("n", *info.shape)))
    if info.kind == "image" and info.shape[-1] == 1 and inputs.shape[1:] == info.shape[:-1]:
        inputs = inputs[..., None]
    if inputs.shape[1:] != info.shape or not inputs.size:
        raise UserError(f"{path}: the array has shape {inputs.shape}; legal: {shape} with n at least 1")
    if info.kind == "image" and inputs.dtype != np.uint8:
        raise UserError(f"{path}: images must be uint8, 0 to 255, not {inputs.dtype}")
    if inputs.dtype.kind not in "fiub" and info.kind != "items":
        raise UserError(f"{path}: an array of {inputs.dtype} is not numeric")
    if info.kind == "table" or (info.kind == "array" and as_floats):
        inputs = inputs.astype(np.float32)
        _refuse_infinite(inputs, str(path))
        _refuse_unknown_codes(inputs, info, path)
    inputs = np.array(inputs)
    return Unlabelled(inputs, tuple(map(str, range(len(inputs)))), row_digests(inputs))


def _mapped(path: Path) -> NDArray[Any]:
    """Map an array into memory, so that nothing is allocated for what its header only promises."""
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC_PREFIX)) != MAGIC_PREFIX:
                raise ValueError("it does not begin as one")
        with np.errstate(over="raise"):  # of the size that a header promises
            array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy parses the header as Python, which can fail in any way
        raise UserError(f"{path} cannot be read as an array: {str(error)[:LONGEST]}") from error
    return array


def _table(path: Path, info: DataInfo, arguments: Mapping[str, Any]) -> Unlabelled:
    from trainables.data.column_choices import ColumnChoices
    from trainables.data.columns import canonical
    from trainables.data.table_encoding import encode
    from trainables.data.table_reading import cells_of, read_table
    from trainables.data.table_texts import TextTable
    from trainables.data.written_numbers import notations, read_notations

    options = {
        name: arguments[name] for name in ("missing", "not_missing", "delimiter") if arguments.get(name)
    }
    as_bytes = any(name[:2] in ("b'", 'b"') for names in info.categories.values() for name in names)
    table = read_table(
        path, TABLES[path.suffix.lower()], decodes=not as_bytes, **options
    )  # as it was trained
    if not info.columns:
        raise UserError(f"{path}: the model's columns have no names, so a table cannot be matched; use .npy")
    missing = [name for name in info.columns if name not in table.columns]
    if missing:
        raise UserError(
            f"{path} has no column {', '.join(missing[:SHOWN])}; it has {', '.join(table.columns)}"
        )
    texts = {*info.categories, *info.texts}
    numeric = [name for name in info.columns if name not in texts]
    choices = ColumnChoices(arguments.get("columns") or {})
    plain, _ = table.without_marks([name for name in choices.numeric() if name in numeric])
    written = notations(plain, numeric, arguments.get("decimal"), arguments.get("delimiter", ","))
    if info.kind == "table":
        inputs, unknown = encode(read_notations(plain, written), info)
        _refuse_infinite(inputs, str(path))
    else:
        inputs, unknown = TextTable.of(info).rows(read_notations(plain, written)), {}
    warnings = tuple(f"column {name}: {n} values are unknown categories" for name, n in unknown.items())
    target, id_column = arguments.get("target", ""), arguments.get("id", "")
    return Unlabelled(
        inputs,
        tuple(map(str, range(len(table)))),
        table.digests(target),
        warnings,
        labelled=target in table.columns,
        cells=tuple(cells_of(table, name) for name in table.columns),
        ids=np.array(canonical(table.columns[id_column])) if id_column in table.columns else None,
    )


def _refuse_infinite(inputs: NDArray[Any], file: str) -> None:
    bad = np.flatnonzero(np.isinf(inputs).reshape(len(inputs), -1).any(axis=1))
    if len(bad):
        raise UserError(f"{file}: row {bad[0]} has an infinite value ({count(len(bad), 'such row')})")


def _refuse_unknown_codes(inputs: NDArray[Any], info: DataInfo, path: Path) -> None:
    """Refuse numbers in a categorical column that are not the code of a category."""
    for index, name in enumerate(info.columns):
        if name not in info.categories:
            continue
        codes, known = inputs[:, index], len(info.categories[name])
        strange = np.flatnonzero(~np.isnan(codes) & ~np.isin(codes, np.arange(known + 1)))
        if len(strange):
            raise UserError(
                f"{path}: row {strange[0]} has {codes[strange[0]]:g} in the categorical column {name} "
                f"({count(len(strange), 'such row')}); legal: the codes 0 to {known - 1} of its categories, "
                f"{known} for any other category, and NaN for a missing value"
            )


def _images(path: Path, info: DataInfo, arguments: Mapping[str, Any]) -> Unlabelled:
    from trainables.data.class_folders import is_hidden
    from trainables.data.file_tree import is_image_name
    from trainables.data.image_files import ENDINGS, PixelFormat, decode, head, in_parallel

    listed = (p for p in path.rglob("*") if is_image_name(p.name) and p.is_file())
    files = sorted(p for p in listed if not is_hidden(p, path))
    if not files:
        raise UserError(f"{path} has no images; legal endings: {', '.join(sorted(ENDINGS))}")
    height, width, channels = info.shape
    upright = arguments.get("orientation", "upright") == "upright"
    if arguments.get("size") is None:
        heads = in_parallel(functools.partial(head, upright=upright), files)
        for file, read in zip(files, heads, strict=True):
            if read is not None and read.size != (width, height):
                size = f"{read.size[0]} x {read.size[1]}"
                raise UserError(f"{file} is {size}; the model was trained on images of {width} x {height}")
    images = np.zeros((len(files), *info.shape), np.uint8)
    digests, bad = [], []
    form = PixelFormat((height, width, channels), upright, info.bits, info.ground)
    shaped = functools.partial(decode, form=form)
    for row, decoded in enumerate(in_parallel(shaped, files)):
        if isinstance(decoded, str):
            bad.append(f"{files[row]} ({decoded})")
        else:
            images[row] = decoded[0]
            digests.append(decoded[1])
    if bad:
        raise UserError(f"{len(bad)} files cannot be decoded: {'; '.join(bad[:SHOWN])}")
    names = [file.relative_to(path) for file in files]
    labelled = all(set(name.parent.parts) & set(info.classes) for name in names)
    originals = collected(files, form, np.zeros) if arguments.get("originals") else None
    return Unlabelled(images, tuple(map(str, names)), packed(digests), labelled=labelled, originals=originals)
