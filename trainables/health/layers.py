"""How weights, activations and gradients of each layer are distributed before training."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn

from hpo.core.health import HealthCheck, ValueHistogram
from trainables.health.parts import TrainingParts
from trainables.networks.activations import Arctan, BinaryStep, Maxout

BINS = 24

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d)
BOUNDED = {nn.Tanh: (-1.0, 1.0), nn.Sigmoid: (0.0, 1.0), Arctan: (-math.pi / 2, math.pi / 2)}
ACTIVATIONS = (
    *(
        nn.ReLU,
        nn.LeakyReLU,
        nn.PReLU,
        nn.ELU,
        nn.SELU,
        nn.GELU,
        nn.SiLU,
        nn.Softplus,
        nn.ReLU6,
        nn.Hardswish,
    ),
    *(*BOUNDED, BinaryStep, Maxout),
)

DEAD, MOSTLY_DEAD = 0.3, 0.6
"""Shares of the units of a layer that are zero for every example."""
SATURATED, MOSTLY_SATURATED = 0.5, 0.9
"""Shares of values within 3 % of an end of a bounded activation."""
COLLAPSED = 1e-3
"""Change between examples in units of the size of the values."""
LARGE, EXPLODED = 30.0, 300.0
"""Sizes of activations; inputs are near 1."""
WEIGHT, LARGEST_WEIGHT = 6.0, 20.0
"""Root mean square of weights times the root of the fan-in; 1.4 for He et al., 1 for LeCun."""
STEEP = 1e4
"""Norm of all gradients together."""

Found = list[tuple[str, str, str, str]]
"""Layer, what is unusual about it, verdict, advice."""


def look(parts: TrainingParts, choices: str) -> tuple[list[HealthCheck], list[ValueHistogram]]:
    """Return the check of a network's layers, and their histograms.

    A forward and a backward pass of one batch. Collapse, saturation and dead units are defined as in
    Glorot and Bengio, AISTATS 2010, and He et al., ICCV 2015.

    Args:
        parts: Opened for this.
        choices: Names the initialization and the activation.
    """
    kept: dict[str, Tensor] = {}
    named: dict[str, nn.Module] = dict(parts.network.named_modules())
    watched: dict[str, nn.Module] = {n: m for n, m in named.items() if isinstance(m, ACTIVATIONS)}
    watched = watched or {n: m for n, m in named.items() if isinstance(m, LAYERS)}
    hooks = [m.register_forward_hook(partial(_keep, kept, n)) for n, m in watched.items()]
    loss = parts.loss(parts.network(parts.inputs), parts.targets)
    for hook in hooks:
        hook.remove()
    parts.network.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    findings: Found = []
    histograms = [*_weights(named, findings)]
    histograms += [_activation(n, watched[n], values, findings) for n, values in kept.items()]
    histograms += _gradients(named, findings)
    shown = [dataclasses.replace(histogram, choices=choices) for histogram in histograms]
    return [_check(findings, choices, len(kept))], shown


def _keep(kept: dict[str, Tensor], name: str, module: nn.Module, inputs: object, output: Tensor) -> None:
    if isinstance(output, Tensor):
        kept.setdefault(name, output.detach().float())


def _weights(named: dict[str, nn.Module], found: Found) -> Iterator[ValueHistogram]:
    for name, module in named.items():
        if not isinstance(module, LAYERS):
            continue
        weight = module.weight.detach().float()
        scale = float(weight.square().mean().sqrt()) * math.sqrt(weight[0].numel())
        note = ""
        if scale > WEIGHT or not math.isfinite(scale):
            note = f"weights {scale:.3g} times as large as the inverse root of the fan-in"
            verdict = "doubtful" if scale <= LARGEST_WEIGHT else "wrong"
            found.append((name, note, verdict, "use another `init`, or a smaller scale"))
        yield _histogram(name, "weights", weight, note)


def _activation(name: str, module: nn.Module, values: Tensor, found: Found) -> ValueHistogram:
    size = float(values.square().mean().sqrt())
    note, verdict, advice = "", "right", ""
    dead = _dead(module, values)
    saturated = _saturated(module, values)
    if not math.isfinite(size) or size > LARGE:
        note, verdict = (
            f"explodes: values of size {size:.3g}",
            "wrong" if not size <= EXPLODED else "doubtful",
        )
        advice = "use a smaller `init`, a normalization, or scale the inputs"
    elif dead >= DEAD:
        note, verdict = f"{dead:.0%} of its units are dead", "wrong" if dead >= MOSTLY_DEAD else "doubtful"
        advice = "check biases and the scale of the inputs; leaky_relu has no dead units"
    elif saturated >= SATURATED:
        note = f"{saturated:.0%} of its values are saturated"
        verdict = "wrong" if saturated >= MOSTLY_SATURATED else "doubtful"
        advice = "use a smaller `init`, a normalization, or another activation"
    elif _collapsed(values, size):
        note, verdict = "collapses: it answers nearly the same to every example", "doubtful"
        advice = "use a larger `init`, a normalization, or another activation"
    if note:
        note = note.replace("%", " %")
        found.append((name, note, verdict, advice))
    return _histogram(name, "activations", values, note)


def _gradients(named: dict[str, nn.Module], found: Found) -> Iterator[ValueHistogram]:
    total = 0.0
    for name, module in named.items():
        weight = getattr(module, "weight", None)
        if isinstance(module, LAYERS) and weight is not None and weight.grad is not None:
            total += float(weight.grad.square().sum())
            yield _histogram(name, "gradients", weight.grad.float(), "")
    if not math.sqrt(total) <= STEEP:
        note = f"gradients of norm {math.sqrt(total):.3g}"
        found.append(
            ("all layers", note, "wrong", "use a smaller `init`, a normalization, or gradient clipping")
        )


def _units(values: Tensor) -> Tensor:
    """Return values [examples and positions, units]: channels of images, else the last dimension."""
    return values.movedim(1, -1).flatten(0, -2) if values.ndim == 4 else values.flatten(0, -2)


def _dead(module: nn.Module, values: Tensor) -> float:
    if isinstance(module, BinaryStep | nn.Sigmoid | nn.Softplus):
        return 0.0
    return float((_units(values) == 0).all(0).float().mean())


def _saturated(module: nn.Module, values: Tensor) -> float:
    for kind, (low, high) in BOUNDED.items():
        if isinstance(module, kind):
            margin = 0.03 * (high - low)
            return float(((values < low + margin) | (values > high - margin)).float().mean())
    return 0.0


def _collapsed(values: Tensor, size: float) -> bool:
    return size == 0 or (len(values) > 1 and float(values.std(0).mean()) < COLLAPSED * size)


def _histogram(name: str, kind: str, values: Tensor, note: str) -> ValueHistogram:
    finite = values[values.isfinite()].flatten()
    low, high = (float(finite.min()), float(finite.max())) if finite.numel() else (0.0, 0.0)
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    counts = torch.histc(finite, BINS, low, high)
    rms = float(values.square().mean().sqrt())
    return ValueHistogram("", name, kind, low, high, tuple(map(int, counts.tolist())), rms, note)


def _check(found: Found, choices: str, layers: int) -> HealthCheck:
    name = f"layers with {choices}" if choices else "layers"
    if not found:
        return HealthCheck(name, "right", f"no collapse, saturation or dead units in {layers} layers")
    worst = max(found, key=lambda finding: finding[2] == "wrong")
    others = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    verdict = "wrong" if worst[2] == "wrong" else "doubtful"
    return HealthCheck(
        name, "wrong" if verdict == "wrong" else "doubtful", f"{worst[0]}: {worst[1]}{others}", worst[3]
    )
