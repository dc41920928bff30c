"""Make torchvision importable beside a torch that has no CUDA.

torchvision's wheel links its operators against CUDA; beside a CPU-only torch the library cannot be
loaded, and importing the package then fails because it describes undeclared operators. The operators
belong to detection, which is not trained here, so declaring their names is enough: models,
transforms and data sets work. If the library loads, nothing is done.

Import this module before torchvision::

    from trainables import torchvision_ops  # noqa: F401
    import torchvision
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch

OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
"""Operators that torchvision describes at import, whether or not its library is loaded."""


def library_loads() -> bool:
    """Return whether torchvision's compiled operators work with the installed torch."""
    spec = importlib.util.find_spec("torchvision")
    folders = list(spec.submodule_search_locations or []) if spec else []
    compiled = [path for folder in folders for path in Path(folder).glob("_C*.so")]
    try:
        for path in compiled:
            torch.ops.load_library(path)  # type: ignore[no-untyped-call]
    except OSError:
        return False
    return bool(compiled)


def declare() -> torch.library.Library | None:
    """Declare the missing operators' names; None if torchvision brings them itself.

    Returns:
        The declarations, which live as long as this object.
    """
    if library_loads() or hasattr(torch.ops.torchvision, "nms"):
        return None
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for signature in OPERATORS:
        library.define(signature)  # type: ignore[no-untyped-call]
    return library


DECLARED = declare()
