"""Normalization layers of the networks built here; a library's model brings its own."""

from __future__ import annotations

from hpo.core.grammar import Group, Hyperparameter, Part

_BUILDERS = "trainables.networks.normalizations"
_EPS = Hyperparameter("eps", "float", 1e-5, 1e-8, 0.1, log=True, doc="added to the variance")
_MOMENTUM = Hyperparameter(
    "momentum", "float", 0.1, 0.001, 1, log=True, doc="weight of a new batch in the running statistics"
)

NORMALIZATION = Group(
    "normalization",
    default="auto",
    doc="Layer between a linear map and its activation",
    parts=(
        Part(
            "auto",
            f"{_BUILDERS}:auto",
            "https://arxiv.org/abs/1502.03167, https://arxiv.org/abs/2010.11929",
            doc="batch_norm in cnn and resnet, layer_norm in vit, none in mlp",
        ),
        Part("none", f"{_BUILDERS}:none", "plain layers"),
        Part(
            "batch_norm",
            f"{_BUILDERS}:batch_norm",
            "Ioffe and Szegedy, ICML 2015, https://arxiv.org/abs/1502.03167",
            (_EPS, _MOMENTUM),
            doc="Running mean and variance at test time",
        ),
        Part(
            "layer_norm",
            f"{_BUILDERS}:layer_norm",
            "Ba et al., 2016, https://arxiv.org/abs/1607.06450",
            (_EPS,),
            doc="Over all features of an example, or of a token in vit",
        ),
        Part(
            "instance_norm",
            f"{_BUILDERS}:instance_norm",
            "Ulyanov et al., 2016, https://arxiv.org/abs/1607.08022",
            (_EPS,),
            doc="Per image and channel; no effect in mlp, where a channel is a single number",
        ),
        Part(
            "group_norm",
            f"{_BUILDERS}:group_norm",
            "Wu and He, ECCV 2018, https://arxiv.org/abs/1803.08494",
            (
                Hyperparameter(
                    "groups", "int", 8, 1, 1024, log=True, doc="groups of channels; lowered to a divisor"
                ),
                _EPS,
            ),
        ),
        Part(
            "weight_norm",
            f"{_BUILDERS}:none",
            "Salimans and Kingma, NIPS 2016, https://arxiv.org/abs/1602.07868",
            doc="Weights as length times direction; not a layer",
        ),
        Part(
            "decorrelated_batch_norm",
            f"{_BUILDERS}:decorrelated_batch_norm",
            "Huang et al., CVPR 2018, https://arxiv.org/abs/1804.08450; 2019, https://arxiv.org/abs/1904.03441",
            (
                Hyperparameter("group_size", "int", 16, 2, 256, log=True, doc="channels whitened together"),
                Hyperparameter("iterations", "int", 5, 1, 20, doc="Newton steps to the inverse square root"),
                Hyperparameter("eps", "float", 1e-3, 1e-8, 0.1, log=True, doc="added to the variance"),
                _MOMENTUM,
            ),
            doc="Whitens channels together",
        ),
    ),
)
