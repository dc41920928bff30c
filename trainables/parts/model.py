"""Networks."""

from __future__ import annotations

from hpo.core.parts import Group, Hyperparameter, Part

MODEL = Group(
    "model",
    default="cnn",
    doc="The network",
    parts=(
        Part(
            "mlp",
            "trainables.networks.mlp:mlp",
            "Rumelhart et al., Nature 323, 1986",
            (
                Hyperparameter("depth", "int", 2, 0, 1000, doc="hidden layers"),
                Hyperparameter("width", "int", 128, 1, 65536, log=True, doc="units of a hidden layer"),
            ),
            doc="Multilayer perceptron on the flattened image",
        ),
        Part(
            "cnn",
            "trainables.networks.cnn:cnn",
            "Simonyan and Zisserman, ICLR 2015, https://arxiv.org/abs/1409.1556",
            (
                Hyperparameter(
                    "channels", "int", 16, 1, 4096, log=True, doc="of the first stage; doubled after"
                ),
                Hyperparameter("stages", "int", 3, 1, 6, doc="each halves the image, as far as it goes"),
                Hyperparameter("convolutions", "int", 1, 1, 8, doc="per stage"),
                Hyperparameter("kernel", "int", 3, 1, 11, doc="kernel width in pixels"),
                Hyperparameter(
                    "padding", "int", None, 0, 5, optional=True, doc="in pixels; null keeps the size"
                ),
            ),
            doc="VGG-like: stages of convolutions, each ended by a pooling; then the mean over the image",
        ),
    ),
)
