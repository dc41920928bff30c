"""Transfer: starting from the weights of another training."""

from __future__ import annotations

from hpo.core.grammar import Group, Hyperparameter, Part

_BUILDERS = "trainables.networks.transfer"
_YOSINSKI = "Yosinski et al., NIPS 2014, https://arxiv.org/abs/1411.1792"
_WEIGHTS = Hyperparameter(
    "weights", "str", None, optional=True, doc="safetensors file with weights of the same model; required"
)
_RATE = Hyperparameter(
    "rate_multiplier", "float", 0.1, 0, 10, log=True, doc="factor on the learning rate below the head"
)

TRANSFER = Group(
    "transfer",
    default="none",
    doc="Start from a file of weights; the head is always new, positions fit another image_size",
    parts=(
        Part("none", f"{_BUILDERS}:nothing", "random initial weights"),
        Part(
            "head",
            f"{_BUILDERS}:head",
            "Alain and Bengio, 2016, https://arxiv.org/abs/1610.01644",
            (
                _WEIGHTS,
                Hyperparameter(
                    "stage",
                    "int",
                    None,
                    1,
                    1000,
                    optional=True,
                    doc="stage whose mean outputs the head gets, counted from 1; null: the last",
                ),
            ),
            doc="Linear probe: only the head is trained",
        ),
        Part(
            "last_stages",
            f"{_BUILDERS}:last_stages",
            _YOSINSKI,
            (
                _WEIGHTS,
                Hyperparameter(
                    "stages", "int", 1, 1, 1000, doc="stages below the head that are trained as well"
                ),
                _RATE,
            ),
            doc="The head and the last stages are trained, the rest is frozen",
        ),
        Part(
            "all_stages",
            f"{_BUILDERS}:all_stages",
            f"{_YOSINSKI}; Howard and Ruder, ACL 2018, https://arxiv.org/abs/1801.06146",
            (
                _WEIGHTS,
                _RATE,
                Hyperparameter(
                    "stage_decay",
                    "float",
                    1.0,
                    0.01,
                    1,
                    log=True,
                    doc="further factor per stage away from the head",
                ),
            ),
            doc="Everything is trained, more slowly below the head",
        ),
    ),
)
