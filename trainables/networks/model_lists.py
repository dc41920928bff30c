"""Write the lists of models by name: which exist, and how large an image each needs.

Run it when torchvision or timm has changed::

    python -m trainables.networks.model_lists torchvision timm

A model's minimum size is the smallest of a few sizes at which it runs, tried on torch's meta device.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import nn

from trainables.networks import library_models
from trainables.parts import names

SIZES = (32, 64, 96, 128, 160, 192, 224, 240, 256, 288, 299, 320, 331, 384, 448, 512)


def installed(library: str) -> list[str]:
    """Return classifiers of an installed library, in alphabetical order."""
    from trainables import torchvision_ops  # noqa: F401

    if library == "timm":
        import timm

        return sorted(timm.list_models())
    from torchvision import models

    return sorted(models.list_models(module=models))


def needed(library: str, architecture: str) -> names.Size | None:
    """Return the square images that a model accepts; None if that cannot be determined."""
    if library == "timm":
        import timm

        stated = timm.get_pretrained_cfg(architecture)
        if stated is not None and stated.fixed_input_size:
            return names.Size(stated.input_size[-1], exact=True)
    build = library_models.plain_timm if library == "timm" else library_models.plain_torchvision
    try:
        with torch.device("meta"):
            model = build(architecture, 10).eval()
    except (RuntimeError, NotImplementedError, TypeError):
        # Some models compute with tensors while they are built.
        model = build(architecture, 10).eval().to("meta")
    least = next((size for size in SIZES if _runs(model, size)), None)
    if least is None:
        return None
    return names.Size(least, exact=not (_runs(model, least + 32) and _runs(model, 2 * least)))


def _runs(model: nn.Module, size: int) -> bool:
    try:
        with torch.no_grad():
            model(torch.zeros(2, 3, size, size, device="meta"))
    except Exception:
        # Models raise all kinds of errors for a size that they do not accept.
        return False
    return True


def write(library: str) -> None:
    """Write a library's list, without models whose size cannot be determined."""
    with Path(names.__file__).with_name(f"{library}.txt").open("w") as file:
        for architecture in installed(library):
            size = needed(library, architecture)
            if size is not None:
                print(architecture, size.least, "only" if size.exact else "any", file=file, flush=True)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write(name)
