"""Classifiers of other libraries by name, with the images they need, as generated lists.

Each line of ``torchvision.txt`` and ``timm.txt`` has a name, the minimum height and width in pixels,
and ``only`` if the model accepts no other size, otherwise ``any``. `trainables.networks.model_lists`
writes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Size:
    """The images that a model accepts.

    Attributes:
        least: Minimum height and width in pixels.
        exact: Whether it accepts only this size.
    """

    least: int
    exact: bool


@cache
def sizes(library: str) -> Mapping[str, Size]:
    """Return every listed classifier of ``torchvision`` or ``timm``, in alphabetical order."""
    lines = Path(__file__).with_name(f"{library}.txt").read_text().splitlines()
    fields = (line.split() for line in lines)
    return {name: Size(int(least), which == "only") for name, least, which in fields}
