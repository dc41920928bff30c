"""Losses that a training minimizes."""

from __future__ import annotations

from hpo.core.grammar import Group, Hyperparameter, Part

_BUILDERS = "trainables.optimization.losses"
_SMOOTHING = Hyperparameter(
    "label_smoothing",
    "float",
    0.0,
    0,
    0.999,
    doc="share of each label that is spread evenly over all classes",
)

_CLASS_WEIGHTS = Hyperparameter(
    "class_weights",
    "str",
    "none",
    choices=("none", "balanced"),
    doc="weight of each class; balanced: inversely proportional to its share of the training part",
    added=True,
)

LOSS = Group(
    "loss",
    default="cross_entropy",
    doc="What a classifier minimizes",
    parts=(
        Part(
            "cross_entropy",
            f"{_BUILDERS}:cross_entropy",
            "Goodfellow et al., Deep Learning, 2016; smoothing: https://arxiv.org/abs/1512.00567",
            (_SMOOTHING, _CLASS_WEIGHTS),
            doc="starts near ln C for C balanced classes",
        ),
        Part(
            "binary_cross_entropy",
            f"{_BUILDERS}:binary_cross_entropy",
            "Wightman et al., 2021, https://arxiv.org/abs/2110.00476",
            (
                _SMOOTHING,
                Hyperparameter(
                    "reduction",
                    "str",
                    "mean",
                    choices=("mean", "sum"),
                    doc="over the classes; the A1 to A3 recipes used the mean",
                ),
                Hyperparameter(
                    "target_threshold",
                    "float",
                    None,
                    0,
                    1,
                    optional=True,
                    doc="shares of mixed labels above it count as 1, others as 0; null: shares stay",
                    added=True,
                ),
            ),
            doc="One binary cross-entropy per class, as in the A1 to A3 recipes",
        ),
        Part(
            "focal",
            f"{_BUILDERS}:focal",
            "Lin et al., ICCV 2017, https://arxiv.org/abs/1708.02002",
            (
                Hyperparameter(
                    "gamma",
                    "float",
                    2.0,
                    0,
                    10,
                    doc="how strongly easy examples are down-weighted; 0: not at all",
                ),
                _CLASS_WEIGHTS,
            ),
            doc="Cross-entropy that down-weights confidently classified examples; for rare classes",
        ),
        Part(
            "hinge",
            f"{_BUILDERS}:hinge",
            "Weston and Watkins, ESANN 1999",
            (Hyperparameter("margin", "float", 1.0, 0, 100, doc="required distance of the right class"),),
            doc="Multi-class; mean over the classes, as in torch",
        ),
        Part(
            "mean_squared_error",
            f"{_BUILDERS}:squared_error",
            "Hui and Belkin, ICLR 2021, https://arxiv.org/abs/2006.07322",
            doc="Between outputs and one-hot labels",
        ),
        Part(
            "mean_absolute_error",
            f"{_BUILDERS}:absolute_error",
            "Ghosh et al., AAAI 2017, https://arxiv.org/abs/1712.09482",
            doc="Between outputs and one-hot labels",
        ),
    ),
)

REGRESSION_LOSS = Group(
    "regression_loss",
    default="mean_squared_error",
    doc="What a regression minimizes, on standardized targets",
    parts=(
        Part(
            "mean_squared_error",
            "torch.nn:MSELoss",
            "Goodfellow et al., Deep Learning, 2016",
            doc="Predicts the mean",
        ),
        Part(
            "mean_absolute_error",
            "torch.nn:L1Loss",
            "Goodfellow et al., Deep Learning, 2016",
            doc="Predicts the median",
        ),
        Part(
            "huber",
            "torch.nn:HuberLoss",
            "Huber, Annals of Mathematical Statistics 35, 1964",
            (
                Hyperparameter(
                    "delta",
                    "float",
                    1.0,
                    1e-3,
                    100,
                    log=True,
                    doc="error above which the loss is linear, in standard deviations of the target",
                ),
            ),
            doc="Squared for small errors, absolute for large ones",
        ),
    ),
)
