"""The views of a test image that a recipe can name under ``test_augment``."""

from __future__ import annotations

from hpo.core.grammar import Group, Hyperparameter, Part
from trainables.parts.geometry import INTERPOLATION
from trainables.parts.shares import share

_HERE = "trainables.augmentation"
_ALEXNET = "Krizhevsky et al. 2012, ImageNet Classification with Deep CNNs"

TEST_AUGMENT = Group(
    name="test_augment",
    many=True,
    hyperparameters=(
        Hyperparameter(
            "original_pixels",
            "bool",
            True,
            doc="views are cut from images as stored: 224 of 256 pixels at a ratio of 0.875",
        ),
        INTERPOLATION,
    ),
    parts=(
        Part(
            "horizontal_flip",
            f"{_HERE}.views:FlippedViews",
            _ALEXNET,
            doc="the image and its mirror image; not if mirroring changes the label",
        ),
        Part(
            "center_crop",
            f"{_HERE}.views:CenterCrop",
            "He et al. 2016, https://arxiv.org/abs/1512.03385",
            (share("ratio", 0.875, "side of the crop as a share of the image's", low=0.05),),
            doc="the central part, enlarged to the full size",
        ),
        Part(
            "five_crops",
            f"{_HERE}.views:FiveCrops",
            _ALEXNET,
            (share("ratio", 0.875, "side of the crops as a share of the image's", low=0.05),),
            doc="four corners and the centre; with horizontal_flip the classic ten crops",
        ),
        Part(
            "scales",
            f"{_HERE}.views:ScaledViews",
            "Simonyan and Zisserman 2015, https://arxiv.org/abs/1409.1556; He et al. 2016",
            (
                Hyperparameter(
                    "sizes",
                    "list",
                    (224, 256, 384, 480, 640),
                    1,
                    8192,
                    doc="short sides of the enlarged image, in pixels",
                ),
                Hyperparameter(
                    "crop",
                    "int",
                    224,
                    1,
                    8192,
                    doc="crop at these sizes; only the ratio of sizes to it matters",
                ),
            ),
            doc="crops at several scales: the centre, or with five_crops all five, in place of their ratio",
        ),
    ),
    doc="views of a test image whose predictions are averaged; not if a view can change the label",
)
