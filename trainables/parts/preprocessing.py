"""Preprocessing of all images before the network; its statistics come from the training part."""

from __future__ import annotations

from hpo.core.grammar import Group, Hyperparameter, Part

_COVARIANCE = (
    Hyperparameter(
        "over",
        "str",
        "channels",
        choices=("channels", "pixels"),
        doc="the channels of a pixel, or the whole image as one vector (at most 4096 values)",
    ),
)
_PREPROCESSING = "trainables.preprocessing"

PREPROCESSING = Group(
    name="preprocessing",
    default="channel_mean_std",
    parts=(
        Part("none", f"{_PREPROCESSING}:fit_none", "no preprocessing", doc="values stay between 0 and 1"),
        Part(
            "mean_image",
            f"{_PREPROCESSING}:fit_mean_image",
            "Krizhevsky et al. 2012, ImageNet Classification with Deep CNNs",
            doc="subtract the mean training image",
        ),
        Part(
            "channel_mean",
            f"{_PREPROCESSING}:fit_channel_mean",
            "Simonyan and Zisserman 2015, https://arxiv.org/abs/1409.1556",
            doc="subtract each channel's mean",
        ),
        Part(
            "channel_mean_std",
            f"{_PREPROCESSING}:fit_channel_mean_std",
            "He et al. 2016, https://arxiv.org/abs/1512.03385",
            doc="subtract each channel's mean, divide by its standard deviation",
        ),
        Part(
            "given_mean_std",
            f"{_PREPROCESSING}:given_mean_std",
            "https://docs.pytorch.org/vision/stable/models.html",
            (
                Hyperparameter(
                    "mean",
                    "list",
                    (0.485, 0.456, 0.406),
                    -10,
                    10,
                    doc="of each channel of images from 0 to 1; ImageNet's by default",
                ),
                Hyperparameter(
                    "std",
                    "list",
                    (0.229, 0.224, 0.225),
                    1e-6,
                    10,
                    doc="standard deviation of each channel; ImageNet's by default",
                ),
            ),
            doc="subtract a given mean, divide by a given standard deviation: those of the pretraining",
        ),
        Part(
            "decorrelation",
            f"{_PREPROCESSING}:fit_decorrelation",
            "LeCun et al. 1998, Efficient BackProp",
            _COVARIANCE,
            doc="subtract the mean, rotate to the principal axes",
        ),
        Part(
            "whitening",
            f"{_PREPROCESSING}:fit_whitening",
            "LeCun et al. 1998, Efficient BackProp",
            (
                *_COVARIANCE,
                Hyperparameter(
                    "epsilon", "float", 1e-3, 1e-8, 1, log=True, doc="added to each variance, to limit noise"
                ),
            ),
            doc="decorrelate and divide by the standard deviation along each axis",
        ),
    ),
    doc="based on statistics of the training part, applied to all parts",
)
