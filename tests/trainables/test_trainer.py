"""What surrounds a step: passes of a batch, the length of an epoch, and what a schedule watches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from hpo.core.errors import UserError
from hpo.core.trainable import Examples
from tests.trainables.recorder import Interrupted, Recorder, numbers, recipe, train
from trainables.batches import Batches
from trainables.image_classifier import ImageClassifier
from trainables.optimization import losses
from trainables.trainer import Trainer

Parts = tuple[Examples, Examples]


def stepped(passes: int, rows: int = 24, **choices: Any) -> tuple[list[torch.Tensor], float]:
    """Return the weights after two steps, and the loss of the second."""
    chosen = recipe({"accumulation": passes, "optimizer": "momentum", "learning_rate": 0.1, **choices})
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 9), nn.Tanh(), nn.Linear(9, 3))
    inputs, labels = torch.randn(rows, 12), torch.arange(rows) ** 2 % 7 % 3
    counts = torch.bincount(labels).tolist()
    trainer = Trainer(chosen, network, losses.build(chosen["loss"], 3, counts), 2, 1)
    loss = torch.tensor(0.0)
    for step in range(2):
        loss, outputs = trainer.step(inputs, labels, step)
        assert outputs.shape == (rows, 3)
    return [parameter.detach() for parameter in network.parameters()], float(loss)


@pytest.mark.parametrize("passes", [2, 5, 24, 1000])
@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"loss": {"name": "cross_entropy", "label_smoothing": 0.1}},
        {"loss": "hinge"},
        {"loss": {"name": "cross_entropy", "class_weights": "balanced", "label_smoothing": 0.1}},
        {"loss": {"name": "focal", "class_weights": "balanced"}},
        {"gradient_clipping": {"name": "norm", "limit": 0.1}},
        {"regularize": {"l1": {"rate": 0.01}, "gradient_penalty": {"rate": 0.1}}},
        {
            "loss": {"name": "cross_entropy", "class_weights": "balanced"},
            "regularize": {"gradient_penalty": {"rate": 0.1}},
        },
    ],
)
def test_passes_of_a_batch_add_up_to_its_gradient(passes: int, choices: dict[str, Any]) -> None:
    whole, loss = stepped(1, **choices)
    parts, summed = stepped(passes, **choices)
    assert summed == pytest.approx(loss, rel=1e-5)
    for weight, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(weight, other, atol=1e-6, rtol=1e-5)


def test_passes_never_leave_an_example_alone(digits: Parts) -> None:
    small = tuple(replace(part, rows=part.rows[:35]) for part in digits)
    choices = {"model": "mlp", "normalization": "batch_norm", "batch_size": 16, "accumulation": 16}
    report = train(choices, small, 1).reports[-1]  # batches of 16, 16 and 3: passes of 2, 2 and 3
    assert np.isfinite(report["train/loss"])


def test_an_epoch_of_fewer_examples_goes_through_all_of_them_in_time() -> None:
    batches, generator = Batches(50, 8, per_epoch=20), torch.Generator().manual_seed(0)
    epochs = [torch.cat(list(batches.shuffled(generator))) for _ in range(40)]
    assert len(batches) == 3
    assert all(len(rows.unique()) == 20 for rows in epochs)
    assert len(torch.cat(epochs).unique()) == 50


def test_an_epoch_of_more_examples_repeats_all_of_them_equally_often() -> None:
    rows = torch.cat(list(Batches(10, 8, per_epoch=35).shuffled(torch.Generator())))
    counts = torch.bincount(rows)
    assert (len(rows), counts.min(), counts.max()) == (35, 3, 4)
    labels = torch.tensor([0] * 9 + [1])
    rows = torch.cat(list(Batches(10, 4, labels=labels, per_epoch=6).shuffled(torch.Generator())))
    assert torch.bincount(labels[rows]).tolist() == [3, 3]


def test_a_short_epoch_stretches_the_schedule_over_its_own_steps(digits: Parts) -> None:
    choices = {"model": "mlp", "batch_size": 10, "epoch_examples": 30, "learning_rate": 0.1}
    reports = train({**choices, "schedule": {"name": "step", "factor": 0.1, "every": 2}}, digits, 4).reports
    assert [report["learning_rate"] for report in reports] == pytest.approx([0.1, 0.1, 0.01, 0.01])


PLATEAU = {"name": "plateau", "metric": "error", "patience": 0, "divisor": 10}


def test_a_plateau_of_the_error_divides_the_rate_and_is_resumed(digits: Parts) -> None:
    choices = {"model": "mlp", "learning_rate": 0.5, "schedule": PLATEAU}
    whole = train(choices, digits, 8)
    errors = [report["validation/error"] for report in whole.reports]
    best, expected, rate = 2.0, [], 0.5
    for error in errors:
        expected.append(rate)
        improved = error < best * (1 - 1e-4)
        best, rate = min(best, error) if improved else best, rate if improved else rate / 10
    rates = [report["learning_rate"] for report in whole.reports]
    assert rates == pytest.approx(expected)
    assert len(set(rates)) > 1
    first = Recorder(8, interrupt_after=3)
    with pytest.raises(Interrupted):
        ImageClassifier().train(recipe(choices), *digits, first)
    assert first.state is not None
    again = Recorder(8, checkpoint=(3, first.state))
    ImageClassifier().train(recipe(choices), *digits, again)
    assert numbers(again.reports) == numbers(whole.reports[3:])


def test_a_plateau_of_the_error_needs_classes() -> None:
    trainer = Trainer(recipe({"schedule": PLATEAU}), nn.Linear(2, 1), nn.MSELoss(), 1, 1)
    with pytest.raises(UserError, match=r"schedule.metric: error needs classes"):
        trainer.keep(trainer.network, {}, {"loss": 1.0})
