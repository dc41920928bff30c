from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from torch import nn

from hpo.core.errors import UserError
from hpo.core.trainable import Examples
from tests.trainables.recorder import Recorder, recipe, train
from trainables import torchvision_ops  # noqa: F401
from trainables.image_classifier import ImageClassifier
from trainables.networks import build, transfer
from trainables.networks.positions import at_size
from trainables.networks.stages import stages
from trainables.parts.transfer import TRANSFER

Parts = tuple[Examples, Examples]
MOVING_HEAD = ["body.4.weight", "body.4.bias"]
CNN = {"name": "cnn", "channels": 4, "stages": 3}


@pytest.fixture(scope="module")
def trained(digits: Parts, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recorder]:
    recorder = train({"model": CNN, "learning_rate": 0.01}, digits, 2)
    file = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    save_file({name: np.asarray(array) for name, array in recorder.weights[-1].items()}, file)
    return file, recorder


def moved(before: Recorder, after: Recorder, network: nn.Module) -> list[bool]:
    """Whether each stage has other weights than before."""
    first, last = before.weights[-1], after.weights[-1]
    return [
        any(not np.array_equal(first[f"network/{p}"], last[f"network/{p}"]) for p in stage.parameters)
        for stage in stages(network)
    ]


CHOICES: dict[str, tuple[dict[str, Any], list[bool]]] = {
    "none": ({}, [True] * 4),
    "head": ({}, [False, False, False, True]),
    "last_stages": ({"stages": 2}, [False, True, True, True]),
    "all_stages": ({"rate_multiplier": 0.5}, [True] * 4),
}


@pytest.mark.parametrize("name", TRANSFER.names)
def test_which_parameters_change(name: str, trained: tuple[Path, Recorder], digits: Parts) -> None:
    assert set(CHOICES) == set(TRANSFER.names)
    file, before = trained
    settings, expected = CHOICES[name]
    weights = {} if name == "none" else {"weights": str(file)}
    choices = {"model": CNN, "transfer": {"name": name, **settings, **weights}}
    after = train(choices, digits, 1)
    network = build.network(recipe(choices), (1, 8, 8), 10)
    assert moved(before, after, network) == expected
    if name == "head":  # frozen norms keep their statistics
        mean = "network/0.1.running_mean"
        np.testing.assert_array_equal(after.weights[-1][mean], before.weights[-1][mean])


def test_stages_change_more_slowly_the_farther_from_the_head(trained: tuple[Path, Recorder]) -> None:
    choice = {"name": "all_stages", "weights": str(trained[0]), "rate_multiplier": 0.1, "stage_decay": 0.5}
    network = build.network(recipe({"model": CNN}), (1, 8, 8), 10)
    rates = transfer.start(choice, network)
    assert [rates.get(stage.parameters[0], 1.0) for stage in stages(network)] == [0.025, 0.05, 0.1, 1.0]


def test_a_probe_of_an_earlier_stage_learns(trained: tuple[Path, Recorder], digits: Parts) -> None:
    choices = {
        "model": CNN,
        "learning_rate": 0.05,
        "transfer": {"name": "head", "weights": str(trained[0]), "stage": 1},
    }
    recorder = train(choices, digits, 8)
    assert recorder.weights[-1]["network/head.weight"].shape == (10, 4)
    assert recorder.reports[-1]["validation/accuracy"] > recorder.reports[0]["validation/accuracy"]
    np.testing.assert_array_equal(
        recorder.weights[-1]["network/body.0.0.weight"], trained[1].weights[-1]["network/0.0.weight"]
    )


def test_a_linear_probe_starts_from_the_learned_features(
    trained: tuple[Path, Recorder], digits: Parts
) -> None:
    probe = {"model": CNN, "learning_rate": 0.03, "transfer": {"name": "head", "weights": str(trained[0])}}
    assert train(probe, digits, 6).reports[-1]["validation/accuracy"] > 0.4


@pytest.mark.parametrize(
    ("model", "shape", "count"),
    [
        ({"name": "mlp", "depth": 3}, (1, 8, 8), 4),
        ({"name": "resnet"}, (3, 8, 8), 5),
        ({"name": "vit", "depth": 4}, (3, 8, 8), 6),
        ({"name": "torchvision", "architecture": "resnet18"}, (3, 8, 8), 6),
        ({"name": "torchvision", "architecture": "squeezenet1_1"}, (3, 32, 32), None),
        ({"name": "timm", "architecture": "test_vit"}, (3, 8, 8), None),
        ({"name": "timm", "architecture": "test_convnext"}, (3, 8, 8), None),
    ],
)
def test_every_parameter_is_in_one_stage(
    model: dict[str, Any], shape: tuple[int, int, int], count: int | None
) -> None:
    network = build.network(recipe({"model": model}), shape, 7)
    found = stages(network)
    held = [name for stage in found for name in stage.parameters]
    assert sorted(held) == sorted(name for name, _ in network.named_parameters())
    head = [dict(network.named_parameters())[name] for name in found[-1].parameters]
    assert any(len(parameter) == 7 for parameter in head)
    assert len(found) == count if count else len(found) > 3


def test_weights_of_a_library_are_loaded(tmp_path: Path) -> None:
    from torchvision import models

    theirs = models.resnet18(num_classes=1000)
    file = tmp_path / "resnet18.safetensors"
    save_file({name: tensor.numpy() for name, tensor in theirs.state_dict().items()}, file)
    choices = {"model": {"name": "torchvision", "architecture": "resnet18"}}
    network = build.network(recipe(choices), (3, 32, 32), 7)
    transfer.start({"name": "head", "weights": str(file), "stage": None}, network)
    assert torch.equal(network.model.layer3[0].conv1.weight, theirs.layer3[0].conv1.weight)  # type: ignore[index, union-attr]
    assert [name for name, p in network.named_parameters() if p.requires_grad] == [
        "model.fc.weight",
        "model.fc.bias",
    ]


@pytest.mark.parametrize("stage", [None, 1])
def test_weights_are_loaded_into_a_network_with_drop_connect(
    trained: tuple[Path, Recorder], digits: Parts, stage: int | None
) -> None:
    choices = {
        "model": CNN,
        "regularize": {"drop_connect": True},
        "transfer": {"name": "head", "weights": str(trained[0]), "stage": stage},
    }
    after = train(choices, digits, 1).weights[-1]
    kept = next(
        array for name, array in after.items() if name.endswith("0.0.parametrizations.weight.original")
    )
    np.testing.assert_array_equal(kept, trained[1].weights[-1]["network/0.0.weight"])


@pytest.mark.parametrize("stage", [None, 1])
def test_several_heads_start_from_weights_of_as_many(
    digits: Parts, tmp_path: Path, stage: int | None
) -> None:
    several = {"model": CNN, "augment": {"mimo": {"heads": 2}}, "learning_rate": 0.01}
    before, file = train(several, digits, 1).weights[-1], tmp_path / "weights.safetensors"
    save_file({name: np.asarray(array) for name, array in before.items()}, file)
    head = {**several, "transfer": {"name": "head", "weights": str(file), "stage": stage}}
    network = build.network(recipe(head), (1, 8, 8), 10)
    rates = transfer.start(recipe(head)["transfer"], network)
    moving = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
    path = "body.body" if stage else "body"
    assert moving == ([f"body.head.{kind}" for kind in ("weight", "bias")] if stage else MOVING_HEAD)
    assert rates[f"{path}.0.0.weight"] == 0
    kept = network.get_parameter(f"{path}.0.0.weight").detach().numpy()
    np.testing.assert_array_equal(kept, before["network/body.0.0.weight"])


def test_weights_for_one_image_are_refused_by_a_network_for_several(trained: tuple[Path, Recorder]) -> None:
    several = {"model": CNN, "augment": {"mimo": True}, "transfer": {"name": "head"}}
    network = build.network(recipe(several), (1, 8, 8), 10)
    with pytest.raises(UserError, match=r"another network: 0.0.weight \(needs \(4, 2, 3, 3\), file has"):
        transfer.start({"name": "head", "weights": str(trained[0])}, network)


def test_mistakes_are_named(trained: tuple[Path, Recorder], tmp_path: Path) -> None:
    network = build.network(recipe({"model": {**CNN, "channels": 8}}), (1, 8, 8), 10)
    with pytest.raises(UserError, match="needs the name of a safetensors file"):
        transfer.start({"name": "head", "weights": None}, network)
    with pytest.raises(UserError, match="does not exist"):
        transfer.start({"name": "head", "weights": str(tmp_path / "nowhere")}, network)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(UserError, match="is not a safetensors file"):
        transfer.start({"name": "head", "weights": str(tmp_path / "text")}, network)
    with pytest.raises(UserError, match="another network"):
        transfer.start({"name": "head", "weights": str(trained[0])}, network)
    with pytest.raises(UserError, match="has 3 stages"):
        build.network(recipe({"model": CNN, "transfer": {"name": "head", "stage": 9}}), (1, 8, 8), 10)


@pytest.mark.parametrize("choice", [{"name": "last_stages", "stages": 1}, {"name": "head"}])
def test_averaged_weights_keep_the_statistics_of_frozen_norms(
    choice: dict[str, Any], trained: tuple[Path, Recorder], digits: Parts
) -> None:
    shifted = tuple(
        Examples((255 - part.inputs).astype(np.uint8), part.targets, part.rows, part.info) for part in digits
    )
    choices = {
        "model": CNN,
        "transfer": {**choice, "weights": str(trained[0])},
        "averaging": {"name": "swa", "start": 0.0},
    }
    recorder = train(choices, shifted, 2)
    shipped = ImageClassifier().average(recipe(choices), recorder.weights[-1], shifted[0], recorder)
    frozen = [f"network/{stage}.1.running_{kind}" for stage in (0, 1) for kind in ("mean", "var")]
    for name in frozen:
        np.testing.assert_array_equal(recorder.weights[-1][name], trained[1].weights[-1][name], name)
        np.testing.assert_array_equal(shipped[name], trained[1].weights[-1][name], name)
    if choice["name"] == "last_stages":
        name = "network/2.1.running_mean"
        assert not np.array_equal(recorder.weights[-1][name], trained[1].weights[-1][name])


@pytest.mark.parametrize(("extra", "side", "new_side"), [(1, 4, 7), (0, 14, 24), (2, 6, 3)])
def test_positions_are_interpolated_as_in_deit(extra: int, side: int, new_side: int) -> None:
    from timm.layers import resample_abs_pos_embed

    positions, current = torch.randn(1, side**2 + extra, 8), torch.empty(1, new_side**2 + extra, 8)
    theirs = resample_abs_pos_embed(positions, [new_side, new_side], num_prefix_tokens=extra, antialias=False)
    for name in ("position", "model.pos_embed", "encoder.pos_embedding"):
        torch.testing.assert_close(at_size(name, positions, current), theirs)
    assert at_size("head.weight", positions, current) is positions
    assert at_size("position", positions, torch.empty(1, 12, 8)) is positions


def test_a_vision_transformer_is_fine_tuned_at_another_size(digits: Parts, tmp_path: Path) -> None:
    choices = {"model": {"name": "vit", "patch": 2, "width": 16, "depth": 2}, "optimizer": "adamw"}
    choices |= {"learning_rate": 0.003, "batch_size": 32}
    small = train(choices, digits, 50)
    file = tmp_path / "vit.safetensors"
    save_file({name: np.asarray(array) for name, array in small.weights[-1].items()}, file)
    larger = {
        "image_size": 12,
        "transfer": {"name": "all_stages", "weights": str(file), "rate_multiplier": 0.5},
    }
    tuned = train({**choices, **larger}, digits, 5)
    fresh = train({**choices, "image_size": 12}, digits, 5)
    accuracy = [run.reports[-1]["validation/accuracy"] for run in (small, tuned, fresh)]
    assert tuned.weights[-1]["network/position"].shape == (1, 37, 16)
    assert accuracy[1] > accuracy[2] + 0.2, accuracy
    wider = {**choices, "model": {**choices["model"], "width": 32}}
    with pytest.raises(UserError, match=r"position \(needs \(1, 37, 32\), file has shape \(1, 17, 16\)\)"):
        train({**wider, **larger}, digits, 1)
