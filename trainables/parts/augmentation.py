"""The augmentations that a recipe can name: plain data, readable without torch.

``augment.strength`` scales each part: 0 is exactly no augmentation, 1 is the part as written. It scales
a part's probability (``p``) if it has one, otherwise its range. Parts are applied in the order of the
tables: geometry (in one resampling), policies, colour, erasing, mixing.
"""

from __future__ import annotations

from hpo.core.grammar import Group, Hyperparameter, Part
from trainables.parts.geometry import GEOMETRY, INTERPOLATION
from trainables.parts.shares import share

_HERE = "trainables.augmentation"
_ALEXNET = "Krizhevsky et al. 2012, ImageNet Classification with Deep CNNs"


def _alpha(default: float) -> Hyperparameter:
    return Hyperparameter(
        "alpha", "float", default, 0.01, 10, log=True, doc="share is drawn from Beta(alpha, alpha)"
    )


_FILL = Hyperparameter(
    "fill",
    "str",
    "zero",
    choices=("zero", "mean", "noise", "normal"),
    doc="black, the image's mean colour, uniform noise, or normal noise with ImageNet's mean and spread",
)

_POLICIES = (
    Part(
        "auto_augment",
        f"{_HERE}.policies:AutoAugment",
        "Cubuk et al. 2019, https://arxiv.org/abs/1805.09501",
        (
            Hyperparameter(
                "policy",
                "str",
                "cifar10",
                choices=("imagenet", "cifar10", "svhn", "efficientnet"),
                doc="data set on which it was searched, or that of EfficientNet's code (v0 in timm)",
            ),
        ),
        doc="one of 25 searched pairs of operations per image",
    ),
    Part(
        "rand_augment",
        f"{_HERE}.policies:RandAugment",
        "Cubuk et al. 2020, https://arxiv.org/abs/1909.13719",
        (
            Hyperparameter("operations", "int", 2, 1, 8, doc="operations per image, in sequence"),
            Hyperparameter("magnitude", "float", 9.0, 0, 10, doc="strength of each; 10 is the full range"),
            Hyperparameter("magnitude_std", "float", 0.0, 0, 10, doc="standard deviation of the magnitude"),
        ),
        doc="random operations of one magnitude",
    ),
    Part(
        "rand_augment_increasing",
        f"{_HERE}.policies:RandAugmentIncreasing",
        "timm, rand-m9-mstd0.5-inc1; https://arxiv.org/abs/2012.12877, https://arxiv.org/abs/2110.00476",
        (
            Hyperparameter("operations", "int", 2, 1, 8, doc="operations per image, in sequence"),
            Hyperparameter("magnitude", "float", 9.0, 0, 10, doc="strength of each; 10 is the full range"),
            Hyperparameter("magnitude_std", "float", 0.5, 0, 10, doc="standard deviation of the magnitude"),
            share("p", 0.5, "probability of each operation"),
        ),
        doc="timm's variant, as in DeiT and ResNet strikes back: 15 operations, each with a probability",
    ),
    Part(
        "trivial_augment",
        f"{_HERE}.policies:TrivialAugment",
        "Müller and Hutter 2021, https://arxiv.org/abs/2103.10158",
        doc="one random operation of random magnitude, with wide ranges",
    ),
)

_COLOUR = (
    Part(
        "color_jitter",
        f"{_HERE}.colour:ColorJitter",
        _ALEXNET,
        (
            share("brightness", 0.4, "factor from 1 - b to 1 + b"),
            share("contrast", 0.4, "factor from 1 - c to 1 + c"),
            share("saturation", 0.0, "factor from 1 - s to 1 + s; grey images stay as they are"),
        ),
        doc="random brightness, contrast and saturation, in this order",
    ),
    Part(
        "pca_lighting",
        f"{_HERE}.colour:Lighting",
        _ALEXNET,
        (
            share("std", 0.1, "standard deviation of the shift along each principal colour"),
            Hyperparameter(
                "colours",
                "str",
                "imagenet",
                choices=("imagenet", "training"),
                doc="whose principal colours: ImageNet's as published, or those of the training part",
                added=True,
            ),
        ),
        doc="shift colours along the principal components of pixels",
    ),
)

_ERASING = (
    Part(
        "cutout",
        f"{_HERE}.erasing:Cutout",
        "DeVries and Taylor 2017, https://arxiv.org/abs/1708.04552",
        (share("size", 0.5, "side of the square as a share of the image's short side"), _FILL),
        doc="blank a square that may extend beyond the edge",
    ),
    Part(
        "random_erasing",
        f"{_HERE}.erasing:RandomErasing",
        "Zhong et al. 2020, https://arxiv.org/abs/1708.04896",
        (
            share("p", 0.25, "probability per image"),
            share("smallest", 0.02, "minimum share of the area", low=0.001),
            share("largest", 0.33, "maximum share of the area", low=0.001),
            Hyperparameter(
                "ratio", "float", 3.3, 1, 10, log=True, doc="maximum of height / width and of its inverse"
            ),
            Hyperparameter("fill", "str", "noise", choices=_FILL.choices, doc=_FILL.doc),
        ),
        doc="blank a rectangle inside the image",
    ),
)

_MIXING = (
    Part(
        "in_class_mixing",
        f"{_HERE}.mixing:InClassMixing",
        "after mixup, Zhang et al. 2018, https://arxiv.org/abs/1710.09412",
        (_alpha(1.0), share("p", 1.0, "probability per image")),
        doc="blend two images of the same class; the label does not change",
    ),
    Part(
        "mixup",
        f"{_HERE}.mixing:Mixup",
        "Zhang et al. 2018, https://arxiv.org/abs/1710.09412",
        (_alpha(0.2), share("p", 1.0, "probability per image")),
        doc="blend two images and their labels; with cutmix also on, one of them is drawn per image",
    ),
    Part(
        "cutmix",
        f"{_HERE}.mixing:CutMix",
        "Yun et al. 2019, https://arxiv.org/abs/1905.04899",
        (_alpha(1.0), share("p", 1.0, "probability per image")),
        doc="paste a box of another image and mix labels by area; with mixup also on, one is drawn per image",
    ),
)

_BATCHES = (
    Part(
        "repeated_augmentation",
        f"{_HERE}.repeating:RepeatedAugmentation",
        "Hoffer et al. 2020, https://arxiv.org/abs/1901.09335; Berman et al. 2019, https://arxiv.org/abs/1902.05509",
        (Hyperparameter("repeats", "int", 3, 1, 16, doc="how often an image occurs in its batch"),),
        doc="each image several times per batch, augmented differently; the number of batches stays",
    ),
    Part(
        "mimo",
        f"{_HERE}.mimo:Mimo",
        "Havasi et al. 2021, https://arxiv.org/abs/2010.06610",
        (Hyperparameter("heads", "int", 2, 2, 8, doc="images and predictions at once"),),
        doc="one network sees several images and has a head for each; at test time the heads are an ensemble",
    ),
)

AUGMENT = Group(
    name="augment",
    many=True,
    hyperparameters=(
        Hyperparameter("strength", "float", 1.0, 0, 1, doc="scales every part; 0 is no augmentation"),
        Hyperparameter(
            "original_pixels",
            "bool",
            True,
            doc="resized and scaled crops are cut from images as stored, not from resized ones",
        ),
        INTERPOLATION,
    ),
    parts=(*GEOMETRY, *_POLICIES, *_COLOUR, *_ERASING, *_MIXING, *_BATCHES),
    doc="random changes of training images, different for each image",
)
