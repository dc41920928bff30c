"""The augmentations that move the pixels of an image: flips, crops, rotations and distortions."""

from __future__ import annotations

from hpo.core.grammar import Hyperparameter, Part
from trainables.parts.shares import share

_HERE = "trainables.augmentation"
_TORCHVISION = "https://pytorch.org/vision/stable/transforms.html"

INTERPOLATION = Hyperparameter(
    "interpolation",
    "str",
    "bilinear",
    choices=("bilinear", "bicubic"),
    added=True,
    doc="how crops of stored images are resized",
)

GEOMETRY = (
    Part(
        "horizontal_flip",
        f"{_HERE}.geometry:HorizontalFlip",
        "Krizhevsky et al. 2012, ImageNet Classification with Deep CNNs",
        (share("p", 0.5, "probability per image"),),
        doc="mirror left and right; not if mirroring changes the label (digits, text)",
    ),
    Part(
        "random_crop",
        f"{_HERE}.geometry:RandomCrop",
        "He et al. 2016, https://arxiv.org/abs/1512.03385",
        (
            Hyperparameter("padding", "int", 4, 0, 64, doc="pixels added on every side before the crop"),
            Hyperparameter(
                "border",
                "str",
                "zeros",
                choices=("zeros", "border", "reflection"),
                doc="padding: black, the edge repeated, or the image mirrored",
            ),
        ),
        doc="pad, then crop to the original size at a random position",
    ),
    Part(
        "random_resized_crop",
        f"{_HERE}.geometry:RandomResizedCrop",
        "Szegedy et al. 2015, https://arxiv.org/abs/1409.4842",
        (
            share("scale", 0.08, "minimum share of the image's area", low=0.01),
            Hyperparameter(
                "ratio", "float", 4 / 3, 1, 4, log=True, doc="maximum of width / height and of its inverse"
            ),
        ),
        doc="crop a random box and resize it to the full size",
    ),
    Part(
        "scale_jitter",
        f"{_HERE}.geometry:ScaleJitter",
        "He et al. 2016, https://arxiv.org/abs/1512.03385",
        (
            Hyperparameter("shortest", "int", 256, 1, 4096, doc="minimum short side, in pixels"),
            Hyperparameter("longest", "int", 480, 1, 4096, doc="maximum short side, in pixels"),
            Hyperparameter(
                "crop", "int", 224, 1, 4096, doc="crop at these sizes; only the ratio of sizes to it matters"
            ),
        ),
        doc="enlarge so that the short side is drawn from a range, then crop at a random position",
    ),
    Part(
        "rotation",
        f"{_HERE}.geometry:Rotation",
        _TORCHVISION,
        (
            Hyperparameter(
                "degrees", "float", 15.0, 0, 180, doc="maximum angle in either direction, in degrees"
            ),
        ),
        doc="turn about the centre",
    ),
    Part(
        "translation",
        f"{_HERE}.geometry:Translation",
        _TORCHVISION,
        (share("share", 0.1, "maximum shift in either direction, as a share of the side"),),
        doc="shift along both axes by fractions of a pixel",
    ),
    Part(
        "stretch",
        f"{_HERE}.geometry:Stretch",
        _TORCHVISION,
        (
            Hyperparameter(
                "factor", "float", 1.2, 1, 3, log=True, doc="maximum factor per axis, and of its inverse"
            ),
        ),
        doc="scale width and height independently",
    ),
    Part(
        "shear",
        f"{_HERE}.geometry:Shear",
        _TORCHVISION,
        (
            Hyperparameter(
                "degrees", "float", 10.0, 0, 60, doc="maximum angle in either direction, in degrees"
            ),
        ),
        doc="shear along both axes",
    ),
    Part(
        "elastic_distortion",
        f"{_HERE}.distortion:Elastic",
        "Simard et al. 2003, Best Practices for Convolutional Neural Networks",
        (
            Hyperparameter("alpha", "float", 34.0, 0, 200, doc="size of the displacement, in pixels"),
            Hyperparameter("sigma", "float", 4.0, 0.5, 32, log=True, doc="width of its smoothing, in pixels"),
        ),
        doc="displace every pixel by a smooth random field",
    ),
    Part(
        "lens_distortion",
        f"{_HERE}.distortion:Lens",
        "Brown 1966, Decentering Distortion of Lenses",
        (share("k", 0.2, "maximum radial coefficient in either direction"),),
        doc="bend straight lines like a lens: barrel or pincushion",
    ),
)
