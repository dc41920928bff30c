"""Start a network from a file of weights, and set how fast each stage may move away from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from hpo.core.errors import UserError
from trainables.augmentation.mimo import ManyHeads
from trainables.networks.no_decay import no_decay_names
from trainables.networks.positions import at_size
from trainables.networks.stages import NetworkStage, stages
from trainables.parts.transfer import TRANSFER

WRAPPERS = ("body.", "model.")
"""Where `Probe`, `ManyHeads` and `Fitted` keep the network that they wrap."""

DROPPED = ".parametrizations.weight.original"
"""End of a weight's name under DropConnect."""

LrMultipliers = dict[str, float]
"""Factor on the learning rate by parameter name; a parameter at 0 is frozen."""


class Probe(nn.Module):
    """A linear head on the mean outputs of an earlier stage of a network.

    Args:
        body: The network.
        stage: Counted from 1.
        shape: Shape of one example, which determines the head's inputs.
        outputs: Numbers given back per example.

    Raises:
        UserError: If the stage does not exist.
    """

    def __init__(self, body: nn.Module, stage: int, shape: tuple[int, ...], outputs: int):
        super().__init__()
        self.body = body
        below = stages(body)[:-1]
        if stage > len(below):
            raise UserError(f"transfer.stage: {stage} does not exist; this network has {len(below)} stages")
        self.path = below[stage - 1].modules[-1]
        training = body.training
        with torch.no_grad():
            features = self._features(torch.zeros(1, *shape), body.eval()).shape[1]
        body.train(training)
        self.head = nn.Linear(features, outputs)

    def no_weight_decay(self) -> set[str]:
        """Return the parameters that the wrapped network exempts; see `no_decay_names`."""
        return no_decay_names(self.body, "body.")

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs [n, outputs]."""
        outputs: Tensor = self.head(self._features(x, self.body))
        return outputs

    def _features(self, x: Tensor, body: nn.Module) -> Tensor:
        outputs_seen: list[Tensor] = []
        stage = body.get_submodule(self.path)
        handle = stage.register_forward_hook(lambda module, inputs, output: outputs_seen.append(output))
        try:
            body(x)
        finally:
            handle.remove()
        features = outputs_seen[0]
        if features.ndim == 4:
            return features.mean((2, 3))
        return features.mean(1) if features.ndim == 3 else features


def start(choice: Mapping[str, Any], network: nn.Module) -> LrMultipliers:
    """Load the weights that a recipe's ``transfer`` names, and freeze what it does not train.

    Args:
        choice: In normal form.
        network: Built for the recipe; its head keeps its initial weights.

    Returns:
        Learning rate multipliers of the trained and frozen parameters.

    Raises:
        UserError: If the file is missing, is not a safetensors file, or belongs to another network.
    """
    if choice["name"] != "none":
        body = _unwrapped(network)[0]
        _load(body, _read(choice.get("weights")), {*stages(body)[-1].parameters})
    return freeze(choice, network)


def freeze(choice: Mapping[str, Any], network: nn.Module) -> LrMultipliers:
    """Freeze what a recipe's ``transfer`` does not train.

    Args:
        choice: In normal form.
        network: Built for the recipe.

    Returns:
        Learning rate multipliers of the trained and frozen parameters.
    """
    options = {key: value for key, value in choice.items() if key not in ("weights", "stage")}
    name = options.pop("name")
    if name == "none":
        return {}
    body, path, probed = _unwrapped(network)
    parts = stages(body)
    lr_multipliers: LrMultipliers = TRANSFER.part(name).load()(parts, **options)
    if probed:
        lr_multipliers = {key: 0.0 for key, _ in body.named_parameters()}
    lr_multipliers = {path + key: multiplier for key, multiplier in lr_multipliers.items()}
    for key, parameter in network.named_parameters():
        parameter.requires_grad_(lr_multipliers.get(key, 1.0) > 0)
    return lr_multipliers


def _unwrapped(network: nn.Module) -> tuple[nn.Module, str, bool]:
    """Return the network inside probes and heads, its path, and whether it is probed."""
    body, path, probed = network, "", False
    while isinstance(body, Probe | ManyHeads):
        body, path, probed = body.body, f"{path}body.", isinstance(body, Probe)
    return body, path, probed


def nothing(parts: list[NetworkStage]) -> LrMultipliers:
    """Train every stage at the full learning rate."""
    return {}


def head(parts: list[NetworkStage]) -> LrMultipliers:
    """Train only the head."""
    return last_stages(parts, 0, 0.0)


def last_stages(parts: list[NetworkStage], stages: int, rate_multiplier: float) -> LrMultipliers:
    """Train the head at the full learning rate, the stages before it slower, the others not at all."""
    below = parts[:-1]
    first = max(0, len(below) - stages)
    return {
        name: rate_multiplier if number >= first else 0.0
        for number, stage in enumerate(below)
        for name in stage.parameters
    }


def all_stages(parts: list[NetworkStage], rate_multiplier: float, stage_decay: float) -> LrMultipliers:
    """Train the head at the full learning rate, and stages slower the farther they are from it."""
    below = parts[:-1]
    return {
        name: rate_multiplier * stage_decay ** (len(below) - 1 - number)
        for number, stage in enumerate(below)
        for name in stage.parameters
    }


def _read(file: str | None) -> dict[str, Tensor]:
    if not file:
        raise UserError("transfer.weights: needs the name of a safetensors file")
    if not Path(file).is_file():
        raise UserError(f"transfer.weights: {Path(file).absolute()} does not exist")
    try:
        loaded: dict[str, Tensor] = load_file(file)
    except SafetensorError as error:
        raise UserError(f"transfer.weights: {file} is not a safetensors file ({error})") from error
    return loaded


def _load(network: nn.Module, weights: Mapping[str, Tensor], skipped: set[str]) -> None:
    """Load everything but the skipped tensors; prefixes of wrappers may differ."""
    bare = {_bare(name): tensor for name, tensor in weights.items()}
    state = network.state_dict()
    faults = []
    for name, current in state.items():
        tensor = bare.get(_bare(name))
        if tensor is not None:
            tensor = at_size(name, tensor, current)
        if name in skipped or (tensor is None and name.endswith("num_batches_tracked")):
            continue
        if tensor is None or tensor.shape != current.shape:
            shape = "nothing" if tensor is None else f"shape {tuple(tensor.shape)}"
            faults.append(f"{_bare(name)} (needs {tuple(current.shape)}, file has {shape})")
        else:
            state[name] = tensor.to(current.dtype)
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise UserError(
            f"transfer.weights: the file belongs to another network: {', '.join(faults[:3])}{more}"
        )
    network.load_state_dict(state)


def _bare(name: str) -> str:
    """Return a tensor's name without the prefixes of wrappers and the suffix of DropConnect."""
    bare = name.removeprefix("network/")
    while bare.startswith(WRAPPERS):
        bare = bare.partition(".")[2]
    return bare.removesuffix(DROPPED) + ".weight" if bare.endswith(DROPPED) else bare
