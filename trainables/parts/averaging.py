"""Averages of a network's weights over its training; validation and test see the average."""

from __future__ import annotations

from hpo.core.grammar import Group, Hyperparameter, Part

AVERAGING = Group(
    "averaging",
    default="none",
    doc="Average of the weights over the training",
    parts=(
        Part("none", "trainables.optimization.weight_averages:none", "the last weights"),
        Part(
            "ema",
            "trainables.optimization.weight_averages:ema",
            "Polyak and Juditsky, SIAM J. Control 30, 1992; Tarvainen and Valpola, NIPS 2017",
            (
                Hyperparameter(
                    "decay", "float", 0.99, 0, 0.999999, doc="share of the average kept at each step"
                ),
            ),
            doc="Exponential moving average; at step t the decay is at most (1 + t) / (10 + t)",
        ),
        Part(
            "swa",
            "trainables.optimization.weight_averages:swa",
            "Izmailov et al., UAI 2018, https://arxiv.org/abs/1803.05407",
            (
                Hyperparameter(
                    "start", "float", 0.75, 0, 1, doc="share of the training before averaging starts"
                ),
                Hyperparameter(
                    "rate",
                    "float",
                    0.5,
                    1e-4,
                    10,
                    optional=True,
                    log=True,
                    doc="constant factor on the learning rate from then on; null: the schedule continues",
                ),
            ),
            doc="Plain mean of the weights after each late epoch",
        ),
    ),
)
