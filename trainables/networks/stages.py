"""The stages of a network from its input to its head, which transfer trains or freezes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from trainables.augmentation.mimo import ManyHeads
from trainables.networks.library_models import Fitted

FEW = 5
"""A network with at most this many parts has its stages inside them."""


@dataclass(frozen=True)
class NetworkStage:
    """Consecutive parts of a network.

    Attributes:
        modules: Their paths.
        parameters: Names of the parameters in them.
    """

    modules: tuple[str, ...]
    parameters: tuple[str, ...]


def stages(network: nn.Module) -> list[NetworkStage]:
    """Return the stages in order; the last is the head.

    Stages are the top-level parts, or the parts inside them if there are few. Parts without a weight
    matrix, such as norms, join the stage before them; parameters of the network itself, such as a
    class token, join the first stage.
    """
    root, prefix = _unwrapped(network)
    result: list[NetworkStage] = []
    for name, module in _parts(root):
        path = prefix + name
        inside = tuple(f"{path}.{inner}" for inner, _ in module.named_parameters())
        matrix = any(parameter.ndim >= 2 for parameter in module.parameters())
        if result and not matrix:
            before = result.pop()
            result.append(NetworkStage((*before.modules, path), before.parameters + inside))
        else:
            result.append(NetworkStage((path,), inside))
    direct = tuple(prefix + name for name, _ in root.named_parameters(recurse=False))
    return [NetworkStage(result[0].modules, direct + result[0].parameters), *result[1:]]


def _unwrapped(network: nn.Module) -> tuple[nn.Module, str]:
    """Return what is inside the wrappers that belong to no stage, and its path."""
    root, prefix = network, ""
    while isinstance(root, Fitted | ManyHeads):
        inner = "model" if isinstance(root, Fitted) else "body"
        root, prefix = root.get_submodule(inner), f"{prefix}{inner}."
    return root, prefix


def _parts(root: nn.Module) -> list[tuple[str, nn.Module]]:
    parts = [(name, child) for name, child in root.named_children() if _trained(child)]
    if isinstance(root, nn.Sequential) or len(parts) > FEW:
        return parts
    opened: list[tuple[str, nn.Module]] = []
    for name, child in parts:
        inner = [(f"{name}.{each}", part) for each, part in child.named_children() if _trained(part)]
        opened += inner if type(child) in (nn.Sequential, nn.ModuleList) else [(name, child)]
    return opened


def _trained(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None
