from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from tests.trainables.recorder import recipe
from trainables.optimization import schedules
from trainables.parts.schedule import BATCH_SCALING, SCHEDULE, WARMUP

HORIZON = 12


def theirs(make: Callable[[torch.optim.Optimizer], Any]) -> list[float]:
    """Factors of one of torch's schedulers, epoch by epoch."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler, factors = make(optimizer), []
    for _ in range(HORIZON):
        factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return factors


def ours(schedule: Any, **choices: Any) -> list[float]:
    fields = recipe({"schedule": schedule, "warmup": "none", **choices})
    rate = schedules.build(fields, 1.0, 3, HORIZON)
    return [rate.at(3 * epoch) for epoch in range(HORIZON)]


REFERENCES: dict[str, tuple[Any, Callable[[], list[float]]]] = {
    "constant": ("constant", lambda: [1.0] * HORIZON),
    "step": (
        {"name": "step", "factor": 0.5, "every": 4},
        lambda: theirs(lambda o: lr_scheduler.StepLR(o, 4, 0.5)),
    ),
    "cosine": (
        {"name": "cosine", "floor": 0.1},
        lambda: theirs(lambda o: lr_scheduler.CosineAnnealingLR(o, HORIZON, eta_min=0.1)),
    ),
    "exponential": (
        {"name": "exponential", "final": 0.01},
        lambda: theirs(lambda o: lr_scheduler.ExponentialLR(o, 0.01 ** (1 / HORIZON))),
    ),
    "linear": (
        {"name": "linear", "floor": 0.25},
        lambda: theirs(lambda o: lr_scheduler.LinearLR(o, 1.0, 0.25, HORIZON)),
    ),
    "inverse_sqrt": ("inverse_sqrt", lambda: [1, 2**-0.5, 3**-0.5, *((t + 1) ** -0.5 for t in range(3, 12))]),
    "plateau": ("plateau", lambda: [1.0] * HORIZON),  # without losses there is no stall
}


def test_every_schedule_has_a_reference() -> None:
    assert set(REFERENCES) == set(SCHEDULE.names)


@pytest.mark.parametrize("name", SCHEDULE.names)
def test_schedule(name: str) -> None:
    settings, reference = REFERENCES[name]
    assert ours(settings) == pytest.approx(reference(), rel=1e-6)


def test_plateau_agrees_with_torch() -> None:
    losses = [1.0, 0.9, 0.9, 0.89999, 0.95, 0.8, 0.81, 0.82, 0.83, 0.84, 0.85, 0.7, 0.7, 0.7, 0.7]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.2, patience=2, threshold=1e-4)
    fields = recipe({"schedule": {"name": "plateau", "divisor": 5.0, "patience": 2}})
    rate = schedules.build(fields, 1.0, 3, 100)
    for epoch, loss in enumerate(losses, 1):
        scheduler.step(loss)
        factor = optimizer.param_groups[0]["lr"]
        assert rate.at(3 * epoch, losses[:epoch]) == pytest.approx(factor), epoch


WARM = {  # of 12 epochs of 10 steps
    "none": ({}, 0),
    "epochs": ({"length": 2.5}, 25),
    "steps": ({"length": 7}, 7),
    "percent": ({"length": 25}, 30),
}


@pytest.mark.parametrize("name", WARMUP.names)
def test_warm_up_rises_to_the_learning_rate_and_the_schedule_follows(name: str) -> None:
    assert set(WARM) == set(WARMUP.names)
    settings, steps = WARM[name]
    start = {} if name == "none" else {"start": 0.2}
    fields = recipe({"schedule": "cosine", "warmup": {"name": name, **settings, **start}})
    rate = schedules.build(fields, 0.5, 10, HORIZON)
    if steps:
        assert rate.at(0) == pytest.approx(0.1)
        assert rate.at(steps // 2) == pytest.approx(0.5 * (0.2 + 0.8 * (steps // 2) / steps))
    assert rate.at(steps) == pytest.approx(0.5)
    halfway = (steps + 120) / 2
    if halfway == int(halfway):
        assert rate.at(int(halfway)) == pytest.approx(0.25)
    assert rate.at(120) == pytest.approx(0, abs=1e-12)


def test_a_warm_up_as_long_as_the_training() -> None:
    fields = recipe({"warmup": {"name": "epochs", "length": 100}})
    rate = schedules.build(fields, 1.0, 10, 3)
    assert rate.at(29) < 0.1


SCALES = {"none": 1.0, "linear": 4.0, "square_root": 2.0}


@pytest.mark.parametrize("name", BATCH_SCALING.names)
def test_batch_scaling(name: str) -> None:
    assert set(SCALES) == set(BATCH_SCALING.names)
    settings = {} if name == "none" else {"reference": 16}
    fields = recipe({"batch_size": 64, "batch_scaling": {"name": name, **settings}, "schedule": "constant"})
    assert schedules.build(fields, 0.1, 10, 3).at(0) == pytest.approx(0.1 * SCALES[name])


def test_weight_averaging_continues_at_a_constant_learning_rate() -> None:
    fields = recipe({"averaging": {"name": "swa", "start": 0.5, "rate": 0.3}})
    rate = schedules.build(fields, 1.0, 10, 4)
    assert rate.at(19) == pytest.approx((1 + math.cos(math.pi * 1.9 / 4)) / 2)
    assert [rate.at(step) for step in (20, 39)] == [0.3, 0.3]


def test_weight_averaging_can_keep_the_schedule() -> None:
    choices = {"averaging": {"name": "swa", "start": 0.5, "rate": None}}
    averaged, plain = (schedules.build(recipe(choice), 1.0, 10, 4) for choice in (choices, {}))
    assert [averaged.at(step) for step in range(40)] == [plain.at(step) for step in range(40)]


def test_plateau_does_not_count_the_losses_of_the_warm_up() -> None:
    chosen = recipe(
        {
            "schedule": {"name": "plateau", "patience": 1, "divisor": 2},
            "warmup": {"name": "epochs", "length": 3},
        }
    )
    schedule = schedules.build(chosen, 1.0, 10, 20)
    assert schedule.at(50, [0.1, 0.1, 0.1, 5.0, 4.0]) == 1.0
    assert schedule.at(60, [0.1, 0.1, 0.1, 5.0, 5.0, 5.0]) == 0.5
