"""A training as named numpy arrays, and back: the content of checkpoints and weight files.

Nothing is pickled. Names are paths: ``network/0.weight``, ``optimizer/3/exp_avg``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from hpo.core.trainable import Arrays


def below(arrays: Arrays, prefix: str) -> dict[str, NDArray[Any]]:
    """Return arrays whose names start with ``prefix/``, without it."""
    start = prefix + "/"
    return {name[len(start) :]: array for name, array in arrays.items() if name.startswith(start)}


def under(prefix: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Return arrays with ``prefix/`` before their names."""
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def network_arrays(network: nn.Module) -> dict[str, NDArray[Any]]:
    """Return copies of a network's parameters and buffers."""
    return {name: _array(tensor) for name, tensor in network.state_dict().items()}


def load_network(network: nn.Module, arrays: Arrays) -> None:
    """Load arrays into a network of the same build."""
    network.load_state_dict({name: torch.tensor(np.asarray(array)) for name, array in arrays.items()})


def optimizer_arrays(optimizer: Optimizer) -> dict[str, NDArray[Any]]:
    """Return an optimizer's state: per parameter, and the numbers of its groups."""
    packed = optimizer.state_dict()
    arrays = {
        f"parameter/{index}/{key}": _array(value)
        for index, entries in packed["state"].items()
        for key, value in entries.items()
        if value is not None
    }
    for index, group in enumerate(packed["param_groups"]):
        for key, value in group.items():
            if isinstance(value, bool | int | float | Tensor):
                arrays[f"group/{index}/{key}"] = _array(value)
    return arrays


def load_optimizer(optimizer: Optimizer, arrays: Arrays) -> None:
    """Load arrays into an optimizer over the same parameters."""
    packed = optimizer.state_dict()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for name, array in arrays.items():
        kind, index, key = name.split("/")
        if kind == "parameter":
            value = torch.tensor(np.asarray(array))
            state.setdefault(int(index), {})[key] = _laid_out(value, parameters[int(index)])
        else:
            group = packed["param_groups"][int(index)]
            is_tensor = isinstance(group.get(key), Tensor)
            group[key] = torch.tensor(np.asarray(array)) if is_tensor else np.asarray(array).item()
    optimizer.load_state_dict({"state": state, "param_groups": packed["param_groups"]})


def _laid_out(value: Tensor, parameter: Tensor) -> Tensor:
    """Return a value in the memory layout of its parameter, which fused optimizers require."""
    if value.shape != parameter.shape:
        return value
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _array(value: Any) -> NDArray[Any]:
    if isinstance(value, Tensor):
        return value.detach().cpu().numpy().copy()
    return np.asarray(value)


def floats(values: Mapping[str, float]) -> dict[str, NDArray[Any]]:
    """Return numbers as arrays without dimensions."""
    return {name: np.asarray(value, np.float64) for name, value in values.items()}
