from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.trainables.recorder import recipe
from trainables import torchvision_ops  # noqa: F401
from trainables.networks import build, library_models
from trainables.networks.initializations import LIBRARIES
from trainables.networks.layer_choices import LayerChoices
from trainables.networks.vit import Attention, EncoderBlock
from trainables.optimization import optimizers
from trainables.optimization.decayed_weights import named_weights
from trainables.parts.model import MODEL
from trainables.parts.names import sizes

from torchvision import models  # isort: skip
import timm  # isort: skip

SMALL: dict[str, dict[str, Any]] = {
    "mlp": {"depth": 2, "width": 8},
    "cnn": {"channels": 4, "stages": 2},
    "resnet": {"stages": 2, "blocks": 1, "width": 4},
    "vit": {"width": 8, "depth": 2, "heads": 2},
    "torchvision": {"architecture": "shufflenet_v2_x0_5"},
    "timm": {"architecture": "test_resnet"},
}


def network(name: str, shape: tuple[int, int, int] = (3, 8, 8), **choices: Any) -> nn.Module:
    settings = choices.pop("model", SMALL[name])
    torch.manual_seed(0)
    return build.network(recipe({"model": {"name": name, **settings}, **choices}), shape, 5)


def images(shape: tuple[int, int, int] = (3, 8, 8), count: int = 4) -> Tensor:
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(1))


def test_every_model_is_tested() -> None:
    assert set(SMALL) == set(MODEL.names)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 11), (4, 16, 16)])
@pytest.mark.parametrize("name", MODEL.names)
def test_outputs(name: str, shape: tuple[int, int, int]) -> None:
    outputs = network(name, shape)(images(shape))
    assert outputs.shape == (4, 5)
    assert outputs.isfinite().all()


@pytest.mark.parametrize("name", MODEL.names)
def test_the_same_seed_builds_the_same_network(name: str) -> None:
    first, second = network(name).eval(), network(name).eval()
    assert torch.equal(first(images()), second(images()))


@pytest.mark.parametrize("name", MODEL.names)
def test_every_parameter_is_trained(name: str) -> None:
    built = network(name, init={"name": "he_normal", "zero_residual": False})
    built(images()).square().sum().backward()
    without = [n for n, p in built.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert without == []


@pytest.mark.parametrize("name", MODEL.names)
def test_evaluation_is_independent_of_the_other_images(name: str) -> None:
    built = network(name).eval()
    torch.testing.assert_close(built(images())[:1], built(images()[:1]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("block", "architecture"), [("basic", "resnet18"), ("bottleneck", "resnet50")])
def test_resnet_agrees_with_torchvision(block: str, architecture: str) -> None:
    theirs = models.get_model(architecture, weights=None, num_classes=5).eval()
    layers = [2, 2, 2, 2] if block == "basic" else [3, 4, 6, 3]
    model = {"block": block, "layers": layers, "width": 64, "stem": "large"}
    ours = network("resnet", (3, 40, 40), model=model).eval()
    ours.load_state_dict(theirs.state_dict())
    batch = images((3, 40, 40), 2)
    torch.testing.assert_close(ours(batch), theirs(batch))


def test_resnet_20() -> None:
    built = network("resnet", (3, 32, 32), model={})
    assert sum(p.numel() for p in built.parameters()) == pytest.approx(270_000, rel=0.02)
    assert sum(isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3) for m in built.modules()) == 19


@pytest.mark.parametrize("position", ["before", "after"])
def test_an_encoder_block_agrees_with_torch(position: str) -> None:
    torch.manual_seed(0)
    ingredients = LayerChoices(recipe({"activation": "gelu"}))
    ours = EncoderBlock(8, 2, 16, position == "before", ingredients, 0.0).eval()
    theirs = nn.TransformerEncoderLayer(
        8, 2, 16, 0.0, "gelu", batch_first=True, norm_first=position == "before"
    ).eval()
    pairs = [
        (theirs.self_attn.in_proj_weight, ours.attention.qkv.weight),
        (theirs.self_attn.in_proj_bias, ours.attention.qkv.bias),
        (theirs.self_attn.out_proj.weight, ours.attention.out.weight),
        (theirs.self_attn.out_proj.bias, ours.attention.out.bias),
        (theirs.linear1.weight, ours.mlp[0].weight),
        (theirs.linear1.bias, ours.mlp[0].bias),
        (theirs.linear2.weight, ours.mlp[-1].weight),
        (theirs.linear2.bias, ours.mlp[-1].bias),
    ]
    with torch.no_grad():
        for there, here in pairs:
            there.copy_(here)
    tokens = torch.randn(3, 7, 8)
    torch.testing.assert_close(ours(tokens), theirs(tokens))


def test_attention_agrees_with_its_formula() -> None:
    torch.manual_seed(0)
    layer, x = Attention(6, 1), torch.randn(2, 4, 6)
    q, k, v = layer.qkv(x).chunk(3, -1)
    expected = layer.out(torch.softmax(q @ k.transpose(1, 2) / 6**0.5, -1) @ v)
    torch.testing.assert_close(layer(x), expected)


def test_attention_gradient() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(Attention(4, 2).double(), x)


def test_a_block_starts_as_the_identity() -> None:
    built = network("vit", init={"name": "auto", "zero_residual": True})
    tokens = torch.randn(2, 5, 8)
    torch.testing.assert_close(built.blocks(tokens), tokens)  # type: ignore[operator]


@pytest.mark.parametrize("name", [name for name in MODEL.names if name not in LIBRARIES])
def test_the_first_loss_is_that_of_guessing(name: str) -> None:
    batch, labels = images((3, 8, 8), 64), torch.arange(64) % 5
    loss = nn.functional.cross_entropy(network(name, init="auto")(batch - 0.5), labels)
    assert loss.item() == pytest.approx(math.log(5), abs=0.05)


@pytest.mark.parametrize("name", [name for name in MODEL.names if name not in LIBRARIES])
@pytest.mark.parametrize("init", ["auto", "by_model"])
def test_a_few_images_are_memorized(name: str, init: str) -> None:
    built, batch, labels = network(name, init=init), images((3, 8, 8), 10) - 0.5, torch.arange(10) % 5
    optimizer = torch.optim.Adam(built.parameters(), lr=0.02)
    for _ in range(70):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(built(batch), labels)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


TOKENS = {
    "vit": {"class_token", "position"},
    "timm": {"model.cls_token", "model.pos_embed"},
}


@pytest.mark.parametrize("name", TOKENS)
def test_parameters_exempt_from_decay_stay_exempt_when_wrapped(name: str) -> None:
    settings = {"architecture": "test_vit"} if name == "timm" else SMALL[name]
    said = {"model": {"name": name, **settings}, "regularize": {"weight_decay": True}}
    for wrapped, path in (({}, ""), ({"augment": {"mimo": True}}, "body.")):
        choices = recipe({**said, **wrapped})
        built = build.network(choices, (3, 8, 8), 5)
        decayed = {
            id(p)
            for group in optimizers.build(choices, built).param_groups
            if group["weight_decay"]
            for p in group["params"]
        }
        undecayed = {n for n, p in built.named_parameters() if p.ndim >= 2 and id(p) not in decayed}
        assert undecayed == {path + token for token in TOKENS[name]}


@pytest.mark.parametrize(
    ("architecture", "exempt"),
    [
        ("vit_b_32", {"class_token", "pos_embedding"}),
        ("swin_t", {"relative_position_bias_table"}),
        ("swin_v2_t", {"logit_scale"}),
        ("convnext_tiny", {"layer_scale"}),
    ],
)
def test_tokens_positions_biases_and_scales_of_torchvision_are_not_decayed(
    architecture: str, exempt: set[str]
) -> None:
    with torch.device("meta"):
        model = library_models.plain_torchvision(architecture, 5)
    built = library_models.Fitted(model, 3, sizes("torchvision")[architecture])
    weights = named_weights(built)
    undecayed = {
        n.rpartition(".")[2] for n, p in built.named_parameters() if p.ndim >= 2 and n not in weights
    }
    assert undecayed == exempt
    assert all(name.endswith("weight") for name in weights)


@pytest.mark.parametrize(
    ("architecture", "exempt"),
    [
        ("fastvit_t8", {"gamma"}),  # [c, 1, 1]
        ("resmlp_12_224", {"alpha", "beta"}),  # [1, 1, c]
        ("visformer_tiny", {"pos_embed1", "pos_embed2", "pos_embed3"}),
        ("edgenext_xx_small", {"temperature"}),  # [heads, 1, 1]
        ("xcit_nano_12_p16_224", {"cls_token", "temperature", "weight"}),  # of pos_embed.token_projection
        ("test_byobnet", set()),
    ],
)
def test_positions_and_scales_of_timm_are_not_decayed(architecture: str, exempt: set[str]) -> None:
    with torch.device("meta"):
        model = library_models.plain_timm(architecture, 5)
    built = library_models.Fitted(model, 3, sizes("timm")[architecture])
    weights = named_weights(built)
    undecayed = {
        n.rpartition(".")[2] for n, p in built.named_parameters() if p.ndim >= 2 and n not in weights
    }
    assert undecayed == exempt


def test_kernel_padding_and_channels_shape_a_cnn() -> None:
    built = network(
        "cnn", (3, 16, 16), model={"channels": 6, "stages": 2, "kernel": 5, "padding": 1, "convolutions": 2}
    )
    convolutions = [module for module in built.modules() if isinstance(module, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels) for c in convolutions] == [(3, 6), (6, 6), (6, 12), (12, 12)]
    assert {c.kernel_size for c in convolutions} == {(5, 5)}


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_the_lists_contain_the_installed_models(library: str) -> None:
    installed = models.list_models(module=models) if library == "torchvision" else timm.list_models()
    assert set(sizes(library)) <= set(installed)
    assert len(sizes(library)) >= 0.97 * len(installed)
    assert list(sizes(library)) == sorted(sizes(library))


@pytest.mark.parametrize(
    ("name", "architecture", "shape", "size"),
    [
        ("torchvision", "squeezenet1_1", (1, 8, 8), 32),
        ("timm", "test_vit", (1, 8, 8), 160),
        ("timm", "test_resnet", (3, 60, 60), 60),
        ("torchvision", "resnet18", (3, 60, 60), 60),
    ],
)
def test_images_are_enlarged_to_the_size_a_model_needs(
    name: str, architecture: str, shape: tuple[int, int, int], size: int
) -> None:
    built = network(name, shape, model={"architecture": architecture})
    seen: list[torch.Size] = []
    built.model.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape))  # type: ignore[union-attr]
    assert built(images(shape)).shape == (4, 5)
    assert seen[0][2:] == (size, size)


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
def test_a_convolution_without_a_padding_keeps_the_size(kernel: int) -> None:
    built = network("cnn", model={"channels": 2, "stages": 1, "kernel": kernel}, normalization="none")
    pooled = built[0](images())  # type: ignore[index, operator]
    assert pooled.shape == (4, 2, 4, 4)
    convolution = next(module for module in built.modules() if isinstance(module, nn.Conv2d))
    same = nn.functional.conv2d(
        nn.functional.pad(images(), ((kernel - 1) // 2, kernel // 2) * 2),
        convolution.weight,
        convolution.bias,
    )
    torch.testing.assert_close(pooled, nn.functional.max_pool2d(same.relu(), 2))
