"""Initial weights.

Fan-in of a convolution is kernel height x width x input channels.
"""

from __future__ import annotations

from hpo.core.grammar import Group, Hyperparameter, Part

_BUILDERS = "trainables.networks.initializations"
_GLOROT = "Glorot and Bengio, AISTATS 2010"
_HE = "He et al., ICCV 2015, https://arxiv.org/abs/1502.01852"
_SMALL = "Stanford CS231n, notes on weight initialization"

INIT = Group(
    "init",
    default="by_model",
    doc="Distribution of the initial weights of each linear and convolution layer",
    hyperparameters=(
        Hyperparameter(
            "zero_bias",
            "bool",
            None,
            optional=True,
            doc="biases start at zero, otherwise uniform within 1/sqrt(fan_in); null: zero, "
            "except under by_model in cnn and resnet",
        ),
        Hyperparameter(
            "zero_residual",
            "bool",
            None,
            optional=True,
            doc="residual branches end in zeros, so that a block starts as the identity; null: under "
            "auto, and under by_model in vit",
        ),
    ),
    parts=(
        Part(
            "by_model",
            f"{_BUILDERS}:by_model",
            f"{_HE}; measured against plain loops, see benchmarks/RESULTS.md",
            doc="torch's own in cnn, resnet and the head of an mlp that classifies; otherwise as auto; a "
            "library's model keeps its own",
        ),
        Part(
            "auto",
            f"{_BUILDERS}:auto",
            _HE,
            doc="he_normal for the relu family, xavier_fan_in for selu and maxout, else xavier_normal, and a "
            "nearly constant head; a library's model keeps its own",
        ),
        Part(
            "zero",
            f"{_BUILDERS}:zero",
            _SMALL,
            demonstration="all units compute the same and remain equal",
        ),
        Part(
            "small_gaussian",
            f"{_BUILDERS}:gaussian",
            _SMALL,
            (Hyperparameter("std", "float", 0.01, 1e-4, 0.05, log=True, doc="standard deviation"),),
        ),
        Part(
            "large_gaussian",
            f"{_BUILDERS}:gaussian",
            _SMALL,
            (Hyperparameter("std", "float", 0.05, 0.05, 10, log=True, doc="standard deviation"),),
            demonstration="wide layers are saturated from the start",
        ),
        Part(
            "uniform",
            f"{_BUILDERS}:uniform",
            _SMALL,
            (
                Hyperparameter(
                    "bound", "float", 0.05, 1e-4, 1, log=True, doc="weights lie in [-bound, bound]"
                ),
            ),
        ),
        Part(
            "orthogonal",
            f"{_BUILDERS}:orthogonal",
            "Saxe et al., ICLR 2014, https://arxiv.org/abs/1312.6120",
            (Hyperparameter("gain", "float", 1.0, 0.1, 10, log=True, doc="value of all singular values"),),
        ),
        Part("xavier_normal", f"{_BUILDERS}:xavier_normal", _GLOROT, doc="Var = 2 / (fan_in + fan_out)"),
        Part("xavier_uniform", f"{_BUILDERS}:xavier_uniform", _GLOROT, doc="Var = 2 / (fan_in + fan_out)"),
        Part(
            "xavier_fan_in",
            f"{_BUILDERS}:xavier_fan_in",
            "LeCun et al., Efficient BackProp, 1998",
            doc="normal with Var = 1 / fan_in",
        ),
        Part("he_normal", f"{_BUILDERS}:he_normal", _HE, doc="Var = 2 / fan_in"),
        Part("he_uniform", f"{_BUILDERS}:he_uniform", _HE, doc="Var = 2 / fan_in"),
        Part(
            "sparse",
            f"{_BUILDERS}:sparse",
            "Martens, ICML 2010",
            (
                Hyperparameter(
                    "sparsity", "float", 0.9, 0, 0.999, doc="share of each unit's weights at zero"
                ),
                Hyperparameter(
                    "std", "float", 0.1, 1e-4, 1, log=True, doc="standard deviation of the other weights"
                ),
            ),
        ),
        Part(
            "truncated_normal",
            f"{_BUILDERS}:truncated_normal",
            "Dosovitskiy et al., ICLR 2021, https://arxiv.org/abs/2010.11929",
            (
                Hyperparameter(
                    "std",
                    "float",
                    0.02,
                    1e-4,
                    1,
                    log=True,
                    doc="standard deviation before truncation at two of them",
                ),
            ),
        ),
    ),
)
