from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save
from torch import Tensor, nn

from tests.trainables.recorder import recipe
from trainables import state_arrays
from trainables.optimization import optimizers
from trainables.parts.optimizer import OPTIMIZER


def stepped(network: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    optimizer.step()


def pair(name: str) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    choices: dict[str, Any] = {"optimizer": name, "regularize": {"weight_decay": True}}
    return network, optimizers.build(recipe(choices), network)


@pytest.mark.parametrize("name", OPTIMIZER.names)
def test_every_optimizer_resumes_from_a_file(name: str) -> None:
    network, optimizer = pair(name)
    for seed in range(3):
        stepped(network, optimizer, seed)
    kept = state_arrays.under("n", state_arrays.network_arrays(network)) | state_arrays.under(
        "o", state_arrays.optimizer_arrays(optimizer)
    )
    kept = load(save({key: np.asarray(array) for key, array in kept.items()}))
    other, fresh = pair(name)
    state_arrays.load_network(other, state_arrays.below(kept, "n"))
    state_arrays.load_optimizer(fresh, state_arrays.below(kept, "o"))
    for seed in range(3, 6):
        stepped(network, optimizer, seed)
        stepped(other, fresh, seed)
    for parameter, theirs in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(parameter, theirs)


def test_arrays_are_copies() -> None:
    network = nn.Linear(2, 2)
    before = state_arrays.network_arrays(network)
    kept = before["weight"].copy()
    with torch.no_grad():
        network.weight.add_(1)
    np.testing.assert_array_equal(before["weight"], kept)


@pytest.mark.parametrize("name", ["adamw", "momentum"])
def test_optimizer_state_has_the_memory_layout_of_its_weights(name: str) -> None:
    """Fused optimizers require it, and arrays in a file have only one order."""
    network = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    choices = {"optimizer": name, "batch_size": 2}
    optimizer, fresh = (optimizers.build(recipe(choices), network) for _ in range(2))
    stepped(network, optimizer, 0)
    state_arrays.load_optimizer(fresh, state_arrays.optimizer_arrays(optimizer))
    for entry, known in zip(fresh.state.values(), optimizer.state.values(), strict=True):
        for key, value in known.items():
            if isinstance(value, Tensor) and value.ndim == 4:
                assert torch.equal(entry[key], value)
                assert entry[key].stride() == network.weight.stride()
