"""Classifiers of other libraries by name, with the images they need: lists that were generated.

Each line of ``torchvision.txt`` and ``timm.txt`` has a name, the least height and width in pixels,
and ``only`` if the model takes no other size, otherwise ``any``. `trainables.networks.model_lists`
writes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Size:
    """The images that a model takes.

    Attributes:
        least: Height and width in pixels, at least.
        exact: Whether it takes no larger ones.
    """

    least: int
    exact: bool


@cache
def sizes(library: str) -> Mapping[str, Size]:
    """Every listed classifier of ``torchvision`` or ``timm``, in alphabetical order."""
    lines = Path(__file__).with_name(f"{library}.txt").read_text().splitlines()
    fields = (line.split() for line in lines)
    return {name: Size(int(least), which == "only") for name, least, which in fields}
