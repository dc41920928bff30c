"""The samplers that a spec can name: which spaces each can search, and which options it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hpo.core.grammar import Hyperparameter
from hpo.core.proposals import STARTUP


@dataclass(frozen=True, slots=True)
class SamplerFacts:
    """Capabilities of a sampler.

    Attributes:
        name: Name in a spec.
        doc: One-line description.
        conditions: Whether it supports conditional parameters.
        choices: Whether it supports values without an order.
        continuous: Whether it supports continuous ranges.
        constraints: Whether it learns from constraints.
        options: Its settings.
    """

    name: str
    doc: str
    conditions: bool = True
    choices: bool = True
    continuous: bool = True
    constraints: bool = True
    options: tuple[Hyperparameter, ...] = ()


def _startup(sampler: str) -> Hyperparameter:
    doc = "Random points before the model is used."
    return Hyperparameter("n_startup_trials", "int", STARTUP[sampler], low=0, high=10**6, doc=doc)


_TPE_OPTIONS = (
    _startup("tpe"),
    Hyperparameter("n_ei_candidates", "int", 24, low=1, high=10_000, doc="Candidates for each suggestion."),
    Hyperparameter("multivariate", "bool", True, doc="Whether parameters are modelled together."),
    Hyperparameter(
        "group", "bool", False, doc="Whether parameters that exist together are modelled together."
    ),
    Hyperparameter("constant_liar", "bool", True, doc="Whether running trials count as poor ones."),
)


_CMAES_OPTIONS = (
    _startup("cmaes"),
    Hyperparameter(
        "sigma0", "float", None, low=1e-12, high=1e12, doc="Initial step size, relative to the unit range."
    ),
    Hyperparameter("popsize", "int", None, low=2, high=10_000, doc="Points per generation."),
    Hyperparameter("with_margin", "bool", False, doc="Whether integers keep a minimum spread."),
)


SAMPLERS: Mapping[str, SamplerFacts] = {
    sampler.name: sampler
    for sampler in (
        SamplerFacts("auto", "Learns from trials of any length; supports every space."),
        SamplerFacts("tpe", "Tree-structured Parzen estimator; supports every space.", options=_TPE_OPTIONS),
        SamplerFacts("random", "Independent draws from the prior.", constraints=False),
        SamplerFacts("qmc", "A scrambled Sobol sequence, which fills the space evenly.", constraints=False),
        SamplerFacts(
            "gp",
            "Gaussian process, for searches with few trials.",
            conditions=False,
            options=(_startup("gp"),),
        ),
        SamplerFacts(
            "cmaes",
            "CMA-ES.",
            conditions=False,
            choices=False,
            constraints=False,
            options=_CMAES_OPTIONS,
        ),
        SamplerFacts(
            "grid",
            "Every combination once; wasteful compared with random.",
            continuous=False,
            constraints=False,
        ),
    )
}
"""Samplers by name; options have Optuna's names and meanings."""
