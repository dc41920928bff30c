"""Optimizers; their usual learning rates are in `hpo.core.learning_rates`."""

from __future__ import annotations

from hpo.core.grammar import Group, Hyperparameter, Part

_MOMENTUM = Hyperparameter("momentum", "float", 0.9, 0, 0.9999, doc="share of the previous step that is kept")
_BETA1 = Hyperparameter("beta1", "float", 0.9, 0, 0.9999, doc="decay of the mean gradient")
_BETA2 = Hyperparameter("beta2", "float", 0.999, 0, 0.999999, doc="decay of the mean squared gradient")


def _eps(default: float) -> Hyperparameter:
    return Hyperparameter("eps", "float", default, 1e-16, 1, log=True, doc="added to the denominator")


OPTIMIZER = Group(
    "optimizer",
    default="adamw",
    doc="How a gradient becomes a step",
    parts=(
        Part("sgd", "torch.optim:SGD", "Robbins and Monro, 1951", doc="Plain gradient steps"),
        Part("momentum", "torch.optim:SGD", "Polyak, 1964", (_MOMENTUM,), doc="SGD with momentum"),
        Part(
            "nesterov",
            "trainables.optimization.optimizers:nesterov",
            "Sutskever et al., ICML 2013",
            (Hyperparameter("momentum", "float", 0.9, 0.001, 0.9999, doc=_MOMENTUM.doc),),
            doc="SGD with Nesterov momentum",
        ),
        Part("adagrad", "torch.optim:Adagrad", "Duchi et al., JMLR 12, 2011", (_eps(1e-10),)),
        Part(
            "rmsprop",
            "torch.optim:RMSprop",
            "Tieleman and Hinton, Coursera lecture 6.5, 2012",
            (
                Hyperparameter("alpha", "float", 0.99, 0, 0.99999, doc="decay of the mean squared gradient"),
                _eps(1e-8),
                Hyperparameter("momentum", "float", 0.0, 0, 0.9999, doc=_MOMENTUM.doc),
            ),
        ),
        Part(
            "adadelta",
            "torch.optim:Adadelta",
            "Zeiler, 2012, https://arxiv.org/abs/1212.5701",
            (
                Hyperparameter("rho", "float", 0.9, 0, 0.99999, doc="decay of both running averages"),
                _eps(1e-6),
            ),
        ),
        Part(
            "adam",
            "torch.optim:Adam",
            "Kingma and Ba, ICLR 2015, https://arxiv.org/abs/1412.6980",
            (_BETA1, _BETA2, _eps(1e-8)),
        ),
        Part(
            "adamw",
            "torch.optim:AdamW",
            "Loshchilov and Hutter, ICLR 2019, https://arxiv.org/abs/1711.05101",
            (_BETA1, _BETA2, _eps(1e-8)),
            doc="Adam with weight decay decoupled from the gradient",
        ),
        Part(
            "nadam",
            "torch.optim:NAdam",
            "Dozat, ICLR workshop 2016",
            (
                _BETA1,
                _BETA2,
                _eps(1e-8),
                Hyperparameter("momentum_decay", "float", 0.004, 0, 1, doc="how fast the momentum warms up"),
            ),
        ),
        Part(
            "lars",
            "trainables.optimization.optimizers:lars",
            "You et al., 2017, https://arxiv.org/abs/1708.03888",
            (
                _MOMENTUM,
                Hyperparameter(
                    "trust_coeff",
                    "float",
                    0.02,
                    1e-5,
                    1,
                    log=True,
                    doc="step at learning rate 1 as a share of the weight's norm; 0.001 in the paper",
                ),
            ),
            doc="Layer-wise trust ratio for very large batches",
        ),
        Part(
            "lamb",
            "trainables.optimization.optimizers:lamb",
            "You et al., ICLR 2020, https://arxiv.org/abs/1904.00962",
            (
                _BETA1,
                _BETA2,
                _eps(1e-6),
                Hyperparameter(
                    "max_grad_norm",
                    "float",
                    1.0,
                    1e-6,
                    1e6,
                    optional=True,
                    log=True,
                    doc="maximum norm of the gradient of all weights, as in timm; null: no limit",
                    added=True,
                ),
            ),
            doc="Adam with a layer-wise trust ratio for very large batches",
        ),
    ),
)
