"""Networks."""

from __future__ import annotations

from hpo.core.grammar import Group, Hyperparameter, Part
from trainables.parts.names import sizes

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
                    "channels",
                    "int",
                    16,
                    1,
                    4096,
                    log=True,
                    doc="of the first stage; each further stage has twice as many",
                ),
                Hyperparameter(
                    "stages", "int", 3, 1, 6, doc="number of stages; each halves the image, down to one pixel"
                ),
                Hyperparameter("convolutions", "int", 1, 1, 8, doc="convolutions per stage"),
                Hyperparameter("kernel", "int", 3, 1, 11, doc="kernel width in pixels"),
                Hyperparameter(
                    "padding", "int", None, 0, 5, optional=True, doc="in pixels; null keeps the image's size"
                ),
            ),
            doc="VGG-like: stages of convolutions, each ended by a pooling; then the mean over the image",
        ),
        Part(
            "resnet",
            "trainables.networks.resnet:resnet",
            "He et al., CVPR 2016, https://arxiv.org/abs/1512.03385",
            (
                Hyperparameter(
                    "block", "str", "basic", choices=("basic", "bottleneck"), doc="two layers or three"
                ),
                Hyperparameter(
                    "stages", "int", 3, 1, 6, doc="number of stages; each but the first halves the image"
                ),
                Hyperparameter(
                    "blocks", "int", 3, 1, 100, log=True, doc="blocks per stage, if layers is null"
                ),
                Hyperparameter("width", "int", 16, 1, 4096, log=True, doc="channels of the first stage"),
                Hyperparameter(
                    "layers",
                    "list",
                    None,
                    1,
                    200,
                    optional=True,
                    doc="blocks of each stage, such as [3, 4, 6, 3]",
                ),
                Hyperparameter(
                    "stem",
                    "str",
                    "small",
                    choices=("small", "large"),
                    doc="3 x 3, or 7 x 7 and pooling for images of at least 100 pixels",
                ),
            ),
            doc="The defaults are ResNet-20 for small images; ResNet-50 is bottleneck, layers 3 4 6 3, "
            "width 64, stem large",
        ),
        Part(
            "vit",
            "trainables.networks.vit:vit",
            "Dosovitskiy et al., ICLR 2021, https://arxiv.org/abs/2010.11929",
            (
                Hyperparameter("patch", "int", 4, 1, 64, doc="height and width of a patch in pixels"),
                Hyperparameter("width", "int", 64, 1, 4096, log=True, doc="channels of a token"),
                Hyperparameter("depth", "int", 4, 1, 100, doc="encoder blocks"),
                Hyperparameter(
                    "heads", "int", 4, 1, 64, doc="attention heads; lowered to a divisor of width"
                ),
                Hyperparameter(
                    "mlp_ratio", "float", 2.0, 0.1, 8, doc="hidden width of a block divided by width"
                ),
                Hyperparameter(
                    "norm_position",
                    "str",
                    "before",
                    choices=("before", "after"),
                    doc="before a branch, or after its skip connection as in the original transformer",
                ),
            ),
            doc="Transformer on patches with a class token",
        ),
        Part(
            "torchvision",
            "trainables.networks.library_models:torchvision",
            "https://docs.pytorch.org/vision/stable/models.html",
            (
                Hyperparameter(
                    "architecture",
                    "str",
                    "resnet18",
                    choices=tuple(sizes("torchvision")),
                    doc="name of the model; images are enlarged if it needs that",
                ),
            ),
            doc="Any classifier of torchvision, with its own activations, norms and initial weights",
        ),
        Part(
            "timm",
            "trainables.networks.library_models:timm",
            "https://huggingface.co/docs/timm",
            (
                Hyperparameter(
                    "architecture",
                    "str",
                    "resnet18",
                    choices=tuple(sizes("timm")),
                    doc="name of the model; images are enlarged if it needs that",
                ),
            ),
            doc="Any classifier of timm, with its own activations, norms and initial weights",
        ),
    ),
)
