"""Starts a network from a file of weights, and says how fast each stage may move away from it."""

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
from trainables.networks.no_decay import spared
from trainables.networks.stages import NetworkStage, stages
from trainables.parts.transfer import TRANSFER

WRAPPERS = ("body.", "model.")
"""Where `Probe`, `ManyHeads` and `Fitted` keep the network that they wrap."""

DROPPED = ".parametrizations.weight.original"
"""How a weight is called that DropConnect drops numbers of."""

LrMultipliers = dict[str, float]
"""Factor on the learning rate by parameter name; a parameter at 0 is frozen."""


class Probe(nn.Module):
    """A linear head on the mean outputs of an earlier stage of a network.

    Args:
        body: The network.
        stage: Counted from 1.
        shape: Shape of one example, from which the head's inputs are counted.
        outputs: Numbers given back per example.

    Raises:
        UserError: If there is no such stage.
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
        """What the network inside spares; see `spared`."""
        return spared(self.body, "body.")

    def forward(self, x: Tensor) -> Tensor:
        """Outputs [n, outputs]."""
        outputs: Tensor = self.head(self._features(x, self.body))
        return outputs

    def _features(self, x: Tensor, body: nn.Module) -> Tensor:
        taken: list[Tensor] = []
        stage = body.get_submodule(self.path)
        handle = stage.register_forward_hook(lambda module, inputs, output: taken.append(output))
        try:
            body(x)
        finally:
            handle.remove()
        features = taken[0]
        if features.ndim == 4:
            return features.mean((2, 3))
        return features.mean(1) if features.ndim == 3 else features


def start(choice: Mapping[str, Any], network: nn.Module) -> LrMultipliers:
    """Load what a recipe's ``transfer`` names into a network, and freeze what it does not train.

    Args:
        choice: In normal form.
        network: As built for the recipe; its head keeps its first weights.

    Raises:
        UserError: If the file is missing, is no safetensors file, or belongs to another network.
    """
    own = dict(choice)
    name, file = own.pop("name"), own.pop("weights", None)
    if name == "none":
        return {}
    body, path, probed = network, "", False
    while isinstance(body, Probe | ManyHeads):
        body, path, probed = body.body, f"{path}body.", isinstance(body, Probe)
    parts = stages(body)
    _load(body, _read(file), {*parts[-1].parameters})
    own.pop("stage", None)
    rates: LrMultipliers = TRANSFER.part(name).load()(parts, **own)
    if probed:
        rates = {key: 0.0 for key, _ in body.named_parameters()}
    rates = {path + key: rate for key, rate in rates.items()}
    for key, parameter in network.named_parameters():
        parameter.requires_grad_(rates.get(key, 1.0) > 0)
    return rates


def nothing(parts: list[NetworkStage]) -> LrMultipliers:
    """Every stage at full rate."""
    return {}


def head(parts: list[NetworkStage]) -> LrMultipliers:
    """Only the head moves."""
    return last_stages(parts, 0, 0.0)


def last_stages(parts: list[NetworkStage], stages: int, rate_multiplier: float) -> LrMultipliers:
    """The head at full rate, stages before it slower, the others not at all."""
    below = parts[:-1]
    first = max(0, len(below) - stages)
    return {
        name: rate_multiplier if place >= first else 0.0
        for place, stage in enumerate(below)
        for name in stage.parameters
    }


def all_stages(parts: list[NetworkStage], rate_multiplier: float, stage_decay: float) -> LrMultipliers:
    """The head at full rate, stages before it slower, the more so the farther they are."""
    below = parts[:-1]
    return {
        name: rate_multiplier * stage_decay ** (len(below) - 1 - place)
        for place, stage in enumerate(below)
        for name in stage.parameters
    }


def _read(file: str | None) -> dict[str, Tensor]:
    if not file:
        raise UserError("transfer.weights: a safetensors file is needed, and none is named")
    if not Path(file).is_file():
        raise UserError(f"transfer.weights: {file} is no file")
    try:
        loaded: dict[str, Tensor] = load_file(file)
    except SafetensorError as error:
        raise UserError(f"transfer.weights: {file} is no safetensors file ({error})") from error
    return loaded


def _load(network: nn.Module, weights: Mapping[str, Tensor], skipped: set[str]) -> None:
    """Fill everything but the skipped; names may lack our prefixes or those of the wrapping."""
    known = {_bare(name): tensor for name, tensor in weights.items()}
    state = network.state_dict()
    faults = []
    for name, held in state.items():
        found = known.get(_bare(name))
        if name in skipped or (found is None and name.endswith("num_batches_tracked")):
            continue
        if found is None or found.shape != held.shape:
            shape = "nothing" if found is None else f"shape {tuple(found.shape)}"
            faults.append(f"{_bare(name)} (needs {tuple(held.shape)}, file has {shape})")
        else:
            state[name] = found.to(held.dtype)
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise UserError(f"transfer.weights: the file is of another network: {', '.join(faults[:3])}{more}")
    network.load_state_dict(state)


def _bare(name: str) -> str:
    """A tensor's name without what wraps the network or, as DropConnect does, its weight."""
    bare = name.removeprefix("network/")
    while bare.startswith(WRAPPERS):
        bare = bare.partition(".")[2]
    return bare.removesuffix(DROPPED) + ".weight" if bare.endswith(DROPPED) else bare
