"""The state of anything that is trained as named arrays, and back, without pickling.

A state is a tree of mappings, lists, numbers, texts and arrays, as `state_dict` returns. Its arrays keep
their names (``0.weight``); everything else is JSON in one more array. Other ways to save are files, whose
bytes are arrays: a booster's ``save_model``, a scikit-learn estimator by skops, or two functions.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.trainable import Arrays
from trainables.functions import estimator_state

TREE = "__tree__"
FILES = "__files__"
ESTIMATOR = "skops"
MAPPING = "__mapping__"
"""Marks the state of a mapping, which can be restored without an object to restore it into."""

SaveAndLoad = tuple[Callable[[Path], object], Callable[[Path], object]]
"""A function that writes an object into a folder, and one that restores it from there."""


class CannotBeSaved(TypeError):
    """An object has a state that only pickling could save."""


def saved(name: str, tracked: Any) -> dict[str, NDArray[Any]]:
    """Return the state of an object as arrays.

    Raises:
        CannotBeSaved: If there is no way to save it without pickling.
    """
    if _is_pair(tracked):
        return _folder_arrays(tracked[0])
    if callable(getattr(tracked, "state_dict", None)):
        return _tree_arrays(name, tracked.state_dict())
    if callable(getattr(tracked, "save_model", None)) and callable(getattr(tracked, "load_model", None)):
        return _folder_arrays(lambda folder: tracked.save_model(str(folder / "model.ubj")))
    if isinstance(tracked, Mapping):
        return {**_tree_arrays(name, tracked), MAPPING: np.zeros(1, np.uint8)}
    if _is_pretrained(tracked):
        return _folder_arrays(tracked.save_pretrained)
    if callable(getattr(tracked, "get_params", None)) or estimator_state.is_booster(tracked):
        return _estimator_arrays(name, tracked)
    raise CannotBeSaved(
        f"{name} is a {type(tracked).__name__}, which cannot be saved without pickling; track something "
        "with state_dict and load_state_dict, with save_model and load_model, with "
        "save_pretrained and from_pretrained, an estimator of scikit-learn or LightGBM, a mapping of "
        "arrays, or a pair of functions (save, load) that take a folder"
    )


def can_continue(tracked: Any) -> bool:
    """Return whether a training can go on with what was restored; a booster of LightGBM grows no further."""
    return not estimator_state.is_booster(tracked)


def restored(name: str, tracked: Any, arrays: Arrays) -> Any:
    """Restore an object from what `saved` returned; returns the object, or the one that replaces it.

    Raises:
        CannotBeSaved: If there is no object, and the state is of one that has to exist.
    """
    if _is_pair(tracked):
        _from_folder(arrays, tracked[1])
    elif callable(getattr(tracked, "load_state_dict", None)):
        tracked.load_state_dict(_tree(arrays))
    elif callable(getattr(tracked, "save_model", None)) and callable(getattr(tracked, "load_model", None)):
        _from_folder(arrays, lambda folder: tracked.load_model(str(folder / "model.ubj")))
    elif isinstance(tracked, Mapping):
        return _refilled(tracked, _tree(arrays))
    elif _is_pretrained(tracked):
        return _pretrained(tracked, arrays)
    else:
        anew = _made_anew(name, arrays)
        return estimator_state.merged(tracked, anew)
    return tracked


def _made_anew(name: str, arrays: Arrays) -> Any:
    if MAPPING in arrays:
        return _tree(arrays)
    if ESTIMATOR in arrays:
        return _estimator(arrays)
    raise CannotBeSaved(
        f"{name} was saved from an object that has to exist before its state can be restored; write a "
        "function that builds it (`@fit.build`)"
    )


def _refilled(tracked: Any, state: Any) -> Any:
    """Fill a mapping in place, so that all references to it see the new state."""
    if hasattr(tracked, "clear"):
        tracked.clear()
        tracked.update(state)
        return tracked
    return state


def _is_pretrained(tracked: Any) -> bool:
    """Return whether an object is saved in a folder, as Hugging Face's tokenizers and processors are."""
    ways = (getattr(tracked, way, None) for way in ("save_pretrained", "from_pretrained"))
    return all(callable(way) for way in ways)


def _pretrained(tracked: Any, arrays: Arrays) -> Any:
    loaded: list[Any] = []
    _from_folder(arrays, lambda folder: loaded.append(type(tracked).from_pretrained(folder)))
    return loaded[0]


def _is_pair(tracked: Any) -> bool:
    return isinstance(tracked, tuple) and len(tracked) == 2 and all(callable(item) for item in tracked)


def file_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the bytes of a file, or of all files of a folder, as arrays; of nothing, no file."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    names = [file.relative_to(path).as_posix() for file in files]
    return {
        FILES: _packed(names),
        **{f"file/{index}": np.fromfile(file, np.uint8) for index, file in enumerate(files)},
    }


def write_files(path: Path, arrays: Arrays) -> None:
    """Write the file or folder that `file_arrays` read.

    Raises:
        ValueError: If a file would be outside the folder.
    """
    for index, name in enumerate(_unpacked(arrays[FILES])):
        file = (path / name).resolve()
        if not file.is_relative_to(path.resolve()):
            raise ValueError(f"a saved file is named {name}, which is outside its folder")
        file.parent.mkdir(parents=True, exist_ok=True)
        np.asarray(arrays[f"file/{index}"], np.uint8).tofile(file)


def _folder_arrays(save: Callable[[Path], object]) -> dict[str, NDArray[Any]]:
    with tempfile.TemporaryDirectory(prefix="hpo-state-") as scratch:
        folder = Path(scratch)
        save(folder)
        return file_arrays(folder)


def _from_folder(arrays: Arrays, load: Callable[[Path], object]) -> None:
    with tempfile.TemporaryDirectory(prefix="hpo-state-") as scratch:
        folder = Path(scratch)
        write_files(folder, arrays)
        load(folder)


def _estimator_arrays(name: str, estimator: Any) -> dict[str, NDArray[Any]]:
    content, strange = estimator_state.to_bytes(estimator)
    if strange:
        raise CannotBeSaved(
            f"{name} contains {', '.join(strange)}, which cannot be saved without pickling; track a pair of "
            "functions (save, load) instead"
        )
    return {ESTIMATOR: np.frombuffer(content, np.uint8)}


def _estimator(arrays: Arrays) -> Any:
    return estimator_state.from_bytes(np.asarray(arrays[ESTIMATOR], np.uint8).tobytes())


def _tree_arrays(name: str, state: Any) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    tree = _encoded(state, "", arrays, name)
    return {**arrays, TREE: _packed(tree)}


def _tree(arrays: Arrays) -> Any:
    return _decoded(_unpacked(arrays[TREE]), arrays)


def _packed(value: Any) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


def _unpacked(array: Any) -> Any:
    return json.loads(np.asarray(array, np.uint8).tobytes().decode())


def _encoded(value: Any, path: str, arrays: dict[str, NDArray[Any]], owner: str) -> Any:
    """Return a value as JSON, ``[kind, ...]`` for all but plain values; arrays are put aside by path."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray | np.generic):
        arrays[path] = np.array(value)
        return ["array", path]
    if type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "detach"):
        return ["tensor", path, _tensor_array(value, path, arrays)]
    if isinstance(value, Mapping):
        kind = "counter" if isinstance(value, Counter) else "mapping"
        items = [[key, _encoded(item, _joined(path, key), arrays, owner)] for key, item in value.items()]
        if all(isinstance(key, str | int) and not isinstance(key, bool) for key in value):
            return [kind, items]
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return [kind, [_encoded(item, _joined(path, n), arrays, owner) for n, item in enumerate(value)]]
    raise CannotBeSaved(
        f"{owner}: {path or 'its state'} is a {type(value).__name__}, which cannot be saved without "
        "pickling; track a pair of functions (save, load) instead"
    )


def _joined(path: str, key: Any) -> str:
    return f"{path}/{key}" if path else str(key)


def _tensor_array(tensor: Any, path: str, arrays: dict[str, NDArray[Any]]) -> str:
    """Put a tensor aside as an array; returns its type where numpy has none."""
    import torch

    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype == torch.bfloat16:
        arrays[path] = tensor.view(torch.int16).numpy().copy()
        return "bfloat16"
    arrays[path] = tensor.numpy().copy()
    return ""


def _decoded(value: Any, arrays: Arrays) -> Any:
    if not isinstance(value, list):
        return value
    kind, content = value[0], value[1]
    match kind:
        case "array":
            return np.array(arrays[content])
        case "tensor":
            return _tensor(arrays[content], value[2])
        case "mapping" | "counter":
            items = {key: _decoded(item, arrays) for key, item in content}
            return Counter(items) if kind == "counter" else items
        case "tuple":
            return tuple(_decoded(item, arrays) for item in content)
        case _:
            return [_decoded(item, arrays) for item in content]


def _tensor(array: Any, dtype: str) -> Any:
    import torch

    tensor = torch.from_numpy(np.array(array))
    return tensor.view(torch.bfloat16) if dtype == "bfloat16" else tensor
