from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from trainables.networks.normalizations import DecorrelatedBatchNorm
from trainables.optimization import weight_averages
from trainables.parts.averaging import AVERAGING


def scalar() -> nn.Linear:
    network = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        network.weight.fill_(0.0)
    return network


def averaged(choice: dict[str, object], weights: list[float], horizon: int) -> float:
    """The averaged weight after one step per epoch."""
    network = scalar()
    average = weight_averages.build(choice, network, horizon)
    shown: nn.Module = network
    for epoch, weight in enumerate(weights, 1):
        with torch.no_grad():
            network.weight.fill_(weight)
        if average is not None:
            average.after_step(network)
            shown = average.after_epoch(epoch, network, list)
    return shown.weight.item()  # type: ignore[operator, union-attr, no-any-return]


# Weights 1, 2, 3, 4 after four epochs of one step each.
REFERENCES: dict[str, tuple[dict[str, object], float]] = {
    "none": ({"name": "none"}, 4.0),
    # The first is taken over; then shares (1 + t) / (10 + t) for t = 1, 2 and 0.2 (< 4 / 13):
    # 2 - 2/11 = 1.818182; 3 - 0.25 * 1.181818 = 2.704545; 4 - 0.2 * 1.295455 = 3.740909.
    "ema": ({"name": "ema", "decay": 0.2}, 0.0),
    "swa": ({"name": "swa", "start": 0.5, "rate": 0.5}, 3.5),
}


@pytest.mark.parametrize("name", AVERAGING.names)
def test_average(name: str) -> None:
    assert set(REFERENCES) == set(AVERAGING.names)
    choice, value = REFERENCES[name]
    if name == "ema":
        value = 4 - 0.2 * (4 - (3 - 0.2 * (3 - (2 - 2 / 11))))
    assert averaged(choice, [1.0, 2.0, 3.0, 4.0], 4) == pytest.approx(value, rel=1e-6)


def test_an_average_with_zero_decay_is_the_network() -> None:
    assert averaged({"name": "ema", "decay": 0.0}, [1.0, 2.0, 5.0], 3) == 5.0


def test_before_averaging_starts_the_network_itself_is_evaluated() -> None:
    assert averaged({"name": "swa", "start": 0.9, "rate": 0.5}, [1.0, 2.0], 10) == 2.0


def test_the_last_epoch_is_always_averaged() -> None:
    assert averaged({"name": "swa", "start": 1.0, "rate": 0.5}, [1.0, 2.0, 7.0], 3) == 7.0


NORMED = {
    "batch_norm": lambda: nn.BatchNorm1d(3),
    "decorrelated_batch_norm": lambda: DecorrelatedBatchNorm(3, 3, 5, 1e-3, 0.1),
}


@pytest.mark.parametrize("name", NORMED)
def test_norms_of_an_averaged_network_recompute_their_statistics(name: str) -> None:
    network = nn.Sequential(nn.Linear(3, 3), NORMED[name]())
    average = weight_averages.build({"name": "swa", "start": 0.0, "rate": 1.0}, network, 2)
    inputs = torch.randn(501, 3, generator=torch.Generator().manual_seed(0)) * 5 + 2
    assert average is not None
    # The last example is alone in its batch and has no variance.
    shown = average.after_epoch(1, network, lambda: inputs.split([250, 250, 1]))
    seen = network[0](inputs[:500])
    torch.testing.assert_close(shown[1].running_mean.flatten(), seen.mean(0), rtol=1e-4, atol=1e-4)  # type: ignore[index, union-attr, operator]
    if name == "batch_norm":
        variance = (seen[:250].var(0) + seen[250:].var(0)) / 2
        torch.testing.assert_close(shown[1].running_var, variance, rtol=1e-4, atol=1e-4)  # type: ignore[index, union-attr]
    else:
        halves = [torch.cov(half.T, correction=0) for half in seen.split(250)]
        expected = (halves[0] + halves[1]) / 2
        torch.testing.assert_close(shown[1].running_covariance[0], expected, rtol=1e-4, atol=1e-4)  # type: ignore[index, union-attr]
    assert shown[1].momentum == 0.1  # type: ignore[index, union-attr]


def test_statistics_agree_with_torch() -> None:
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 6), nn.BatchNorm1d(6))
    theirs = copy.deepcopy(ours)
    batches = torch.randn(96, 4).split(32)
    weight_averages.reset_statistics(ours, batches)
    update_bn(batches, theirs)
    for name, buffer in theirs.named_buffers():
        if "num_batches" not in name:
            torch.testing.assert_close(ours.get_buffer(name), buffer)
