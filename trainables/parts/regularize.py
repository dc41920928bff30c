"""Regularization against overfitting; any number of parts can be on."""

from __future__ import annotations

from hpo.core.grammar import Group, Hyperparameter, Part

_PENALTIES = "trainables.optimization.penalties"
_LAYERS = "trainables.networks.regularizing"


def _rate(default: float, doc: str) -> Hyperparameter:
    return Hyperparameter("rate", "float", default, 0, 10, log=True, doc=doc)


REGULARIZE = Group(
    "regularize",
    many=True,
    doc="Regularization; nothing is on by default, whatever the optimizer",
    parts=(
        Part(
            "weight_decay",
            "trainables.optimization.optimizers:weight_decay",
            "Krogh and Hertz, NIPS 1991; https://arxiv.org/abs/1711.05101",
            (
                _rate(1e-4, "lambda; lambda times the weight is added to the gradient"),
                Hyperparameter(
                    "norms_and_biases", "bool", False, doc="also decay biases and the scales of norms"
                ),
            ),
            doc="L2, lambda / 2 ||W||^2; decoupled from the gradient under adamw and lamb",
        ),
        Part(
            "l1",
            f"{_PENALTIES}:l1",
            "Tibshirani, JRSS B 58, 1996",
            (_rate(1e-5, "lambda of lambda sum |W|"),),
        ),
        Part(
            "elastic_net",
            f"{_PENALTIES}:elastic_net",
            "Zou and Hastie, JRSS B 67, 2005",
            (
                _rate(1e-5, "lambda of lambda sum (beta W^2 + |W|)"),
                Hyperparameter("beta", "float", 1.0, 0, 1000, doc="weight of the square"),
            ),
        ),
        Part(
            "gradient_penalty",
            f"{_PENALTIES}:gradient_penalty",
            "Drucker and LeCun, IEEE TNN 3, 1992; https://arxiv.org/abs/1711.09404",
            (_rate(0.01, "weight of the squared norm of the loss's gradient with respect to an input"),),
            doc="Smooths the loss around each example, at the cost of a second backward pass",
        ),
        Part(
            "dropout",
            f"{_LAYERS}:dropout",
            "Srivastava et al., JMLR 15, 2014",
            (Hyperparameter("p", "float", 0.2, 0, 0.95, doc="share of units set to zero in training"),),
            doc="Inverted: the others are scaled by 1 / (1 - p) in training",
        ),
        Part(
            "drop_connect",
            f"{_LAYERS}:drop_connect",
            "Wan et al., ICML 2013",
            (Hyperparameter("p", "float", 0.2, 0, 0.95, doc="share of weights set to zero in training"),),
            doc="One draw per step, in all linear and convolution layers except the last",
        ),
        Part(
            "stochastic_depth",
            f"{_LAYERS}:stochastic_depth",
            "Huang et al., ECCV 2016, https://arxiv.org/abs/1603.09382",
            (Hyperparameter("p", "float", 0.1, 0, 0.95, doc="probability that the last block is skipped"),),
            doc="Skips residual blocks per example, deeper ones more often; resnet, vit, many of timm",
        ),
        Part(
            "fractional_max_pooling",
            f"{_LAYERS}:fractional_max_pooling",
            "Graham, 2014, https://arxiv.org/abs/1412.6071",
            (
                Hyperparameter("ratio", "float", 0.7, 0.4, 0.95, doc="output size / input size of a pooling"),
                Hyperparameter("samples", "int", 4, 1, 64, doc="predictions averaged at test time"),
            ),
            doc="Random pooling regions, in cnn",
        ),
        Part(
            "early_stopping",
            "trainables.optimization.early_stopping:EarlyStopping",
            "Prechelt, Early Stopping - But When?, 1998",
            (
                Hyperparameter(
                    "patience",
                    "int",
                    10,
                    0,
                    10_000,
                    doc="epochs without a better validation loss before training stops",
                ),
            ),
            doc="Keeps the best epoch; after stopping, the remaining epochs cost nothing",
        ),
        Part(
            "adversarial",
            f"{_PENALTIES}:adversarial",
            "Goodfellow et al., ICLR 2015, https://arxiv.org/abs/1412.6572",
            (
                Hyperparameter(
                    "epsilon",
                    "float",
                    0.01,
                    0,
                    1,
                    doc="size of the shift along the sign of the gradient, in units of the model's input",
                ),
                Hyperparameter("weight", "float", 0.5, 0, 1, doc="share of the loss on shifted examples"),
            ),
            doc="FGSM, at the cost of a second forward and backward pass",
        ),
        Part(
            "max_norm",
            f"{_PENALTIES}:max_norm",
            "Srebro et al., NIPS 2005; Srivastava et al., JMLR 15, 2014",
            (
                Hyperparameter(
                    "limit", "float", 3.0, 1e-3, 1000, log=True, doc="maximum norm of a unit's weights"
                ),
            ),
        ),
    ),
)
