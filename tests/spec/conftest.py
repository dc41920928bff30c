"""A small trainable to write specs for."""

from typing import Any

import pytest

from hpo.core.grammar import Grammar, Group, Hyperparameter, Part
from hpo.core.trainable import Metric
from hpo.spec.interface import Interface

GRAMMAR = Grammar(
    (
        Hyperparameter("epochs", "int", 90, 1, 1000),
        Hyperparameter("rate", "float", 0.1, 0, 10),
        Hyperparameter("width", "int", 8, 1, 64),
        Hyperparameter("sizes", "list", [8, 8], 1, 64),
    ),
    (
        Group(
            "optimizer",
            (
                Part("sgd", "x:sgd", "a paper", (Hyperparameter("momentum", "float", 0.9, 0, 1),)),
                Part("adam", "x:adam", "a paper", (Hyperparameter("beta", "float", 0.9, 0, 0.99),)),
                Part("slow", "x:slow", "a paper", (Hyperparameter("momentum", "float", 0.1, 0, 0.5),)),
                Part("broken", "x:broken", "a paper", demonstration="it never learns"),
            ),
            default="sgd",
        ),
        Group(
            "augment",
            (
                Part("flip", "x:flip", "a paper", (Hyperparameter("p", "float", 0.5, 0, 1),)),
                Part("blur", "x:blur", "a paper"),
            ),
            many=True,
            hyperparameters=(Hyperparameter("strength", "float", 1.0, 0, 1),),
        ),
    ),
)
METRICS = (Metric("accuracy", "max", proportion=True), Metric("loss", "min"))


@pytest.fixture(scope="session")
def toy() -> dict[str, Interface]:
    """Trainables by name: only the toy one."""
    return {"toy": Interface(GRAMMAR, METRICS)}


@pytest.fixture
def document() -> dict[str, Any]:
    """A small valid spec, for tests that make it invalid."""
    return {
        "version": 1,
        "data": {"source": "digits"},
        "trainable": "toy",
        "space": {"rate": {"loguniform": [0.001, 1]}, "width": {"randint": [1, 64]}},
        "scheduler": {"max_epochs": 9},
        "budget": {"trials": 10},
    }
