from __future__ import annotations

import torch

from trainables import torchvision_ops


def test_torchvision_can_be_imported() -> None:
    import torchvision

    assert torchvision.models.list_models()


def test_operators_are_declared_only_once_and_only_without_the_library() -> None:
    assert (torchvision_ops.DECLARED is None) == torchvision_ops.library_loads()
    assert torchvision_ops.declare() is None
    assert hasattr(torch.ops.torchvision, "nms")
