"""Learning rate schedules, warm-up, batch scaling and gradient clipping.

A schedule is a factor on the learning rate. Lengths in epochs are absolute, while cosine, linear and
exponential stretch to the whole training.
"""

from __future__ import annotations

from hpo.core.grammar import Group, Hyperparameter, Part

_BUILDERS = "trainables.optimization.schedules"
_START = Hyperparameter("start", "float", 0.01, 0, 1, doc="factor on the learning rate at the first step")
_REFERENCE = Hyperparameter(
    "reference",
    "int",
    256,
    1,
    1_000_000,
    log=True,
    doc="batch size for which the learning rate is meant, in examples",
)

SCHEDULE = Group(
    "schedule",
    default="cosine",
    doc="Factor on the learning rate, updated at each step",
    parts=(
        Part("constant", f"{_BUILDERS}:constant", "Robbins and Monro, 1951"),
        Part(
            "step",
            f"{_BUILDERS}:step",
            "He et al., CVPR 2016, https://arxiv.org/abs/1512.03385",
            (
                Hyperparameter(
                    "factor",
                    "float",
                    0.1,
                    0.0001,
                    1,
                    log=True,
                    doc="factor on the learning rate at each drop",
                ),
                Hyperparameter("every", "float", 30.0, 0.01, 100_000, log=True, doc="epochs between drops"),
            ),
        ),
        Part(
            "cosine",
            f"{_BUILDERS}:cosine",
            "Loshchilov and Hutter, ICLR 2017, https://arxiv.org/abs/1608.03983",
            (Hyperparameter("floor", "float", 0.0, 0, 1, doc="factor at the end"),),
        ),
        Part(
            "exponential",
            f"{_BUILDERS}:exponential",
            "Bello et al., 2021, https://arxiv.org/abs/2103.07579",
            (Hyperparameter("final", "float", 0.02, 1e-8, 1, log=True, doc="factor at the end"),),
            doc="final ** (t / T)",
        ),
        Part(
            "linear",
            f"{_BUILDERS}:linear",
            "Stanford CS231n, lecture on training",
            (Hyperparameter("floor", "float", 0.0, 0, 1, doc="factor at the end"),),
        ),
        Part(
            "inverse_sqrt",
            f"{_BUILDERS}:inverse_sqrt",
            "Vaswani et al., NIPS 2017, https://arxiv.org/abs/1706.03762",
            doc="1 / sqrt(t + 1), t in epochs",
        ),
        Part(
            "plateau",
            f"{_BUILDERS}:plateau",
            "Stanford CS231n; torch.optim.lr_scheduler.ReduceLROnPlateau",
            (
                Hyperparameter(
                    "divisor", "float", 10.0, 1.01, 100, doc="divisor of the learning rate; 2 to 10 is usual"
                ),
                Hyperparameter("patience", "int", 5, 0, 1000, doc="epochs without a better value"),
                Hyperparameter(
                    "threshold", "float", 1e-4, 0, 1, doc="relative improvement that counts as better"
                ),
                Hyperparameter(
                    "metric",
                    "str",
                    "loss",
                    choices=("loss", "error"),
                    doc="what has to improve on validation: the loss, or the error of a classifier",
                    added=True,
                ),
            ),
            doc="Divides the learning rate when the validation loss (or error) stalls",
        ),
    ),
)

WARMUP = Group(
    "warmup",
    default="none",
    doc="Linear rise of the learning rate at the start, followed by the schedule",
    parts=(
        Part("none", f"{_BUILDERS}:no_warmup", "no warm-up"),
        Part(
            "epochs",
            f"{_BUILDERS}:warmup_epochs",
            "Goyal et al., 2017, https://arxiv.org/abs/1706.02677",
            (Hyperparameter("length", "float", 5.0, 0, 10_000, doc="length in epochs"), _START),
        ),
        Part(
            "steps",
            f"{_BUILDERS}:warmup_steps",
            "Vaswani et al., NIPS 2017, https://arxiv.org/abs/1706.03762",
            (Hyperparameter("length", "int", 500, 0, 10_000_000, doc="length in optimizer steps"), _START),
        ),
        Part(
            "percent",
            f"{_BUILDERS}:warmup_percent",
            "Devlin et al., NAACL 2019, https://arxiv.org/abs/1810.04805",
            (Hyperparameter("length", "float", 5.0, 0, 100, doc="as a percentage of the training"), _START),
        ),
    ),
)

BATCH_SCALING = Group(
    "batch_scaling",
    default="none",
    doc="How the learning rate depends on the batch size",
    parts=(
        Part("none", f"{_BUILDERS}:no_scaling", "learning rate as written"),
        Part(
            "linear",
            f"{_BUILDERS}:linear_scaling",
            "Goyal et al., 2017, https://arxiv.org/abs/1706.02677",
            (_REFERENCE,),
            doc="N times the batch, N times the learning rate; for SGD",
        ),
        Part(
            "square_root",
            f"{_BUILDERS}:square_root_scaling",
            "Krizhevsky, 2014, https://arxiv.org/abs/1404.5997",
            (_REFERENCE,),
            doc="N times the batch, sqrt(N) times the learning rate; for adaptive methods",
        ),
    ),
)

GRADIENT_CLIPPING = Group(
    "gradient_clipping",
    default="none",
    doc="Limit on the gradient of a step",
    parts=(
        Part("none", "trainables.optimization.penalties:no_clipping", "no limit"),
        Part(
            "norm",
            "trainables.optimization.penalties:clip_norm",
            "Pascanu et al., ICML 2013, https://arxiv.org/abs/1211.5063",
            (Hyperparameter("limit", "float", 1.0, 1e-6, 1e6, log=True, doc="maximum norm of the gradient"),),
        ),
    ),
)
