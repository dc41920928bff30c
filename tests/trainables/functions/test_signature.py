"""A function's signature as a grammar."""

from typing import Annotated, Literal

import pytest

from hpo.core.grammar import Hyperparameter
from trainables.functions.signature import Range, grammar_of


def test_types_defaults_and_ranges_come_from_the_signature():
    def fit(
        run,
        data,
        *,
        lr: Annotated[float, Range(1e-5, 1, log=True), "learning rate"] = 1.0,
        kind: Literal["a", "b"] = "b",
        depth=3,
        share=0.5,
        flag=True,
        name="x",
        limit: int | None = None,
        widths=(8, 16),
        words: list[str] = ["a"],  # noqa: B006
    ): ...

    assert grammar_of(fit).hyperparameters == (
        Hyperparameter("lr", "float", 1.0, 1e-5, 1, log=True, doc="learning rate"),
        Hyperparameter("kind", "str", "b", choices=("a", "b")),
        Hyperparameter("depth", "int", 3),
        Hyperparameter("share", "float", 0.5),
        Hyperparameter("flag", "bool", True),
        Hyperparameter("name", "str", "x"),
        Hyperparameter("limit", "int", None, optional=True),
        Hyperparameter("widths", "list", [8, 16]),
        Hyperparameter("words", "names", ["a"]),
    )


def needs_default(run, data, lr): ...
def has_stars(run, data, **more): ...
def lacks_data(run): ...
def has_bytes(run, data, key=b""): ...
def has_undefined(run, data, lr: "Undefined" = 1): ...  # noqa: F821


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (needs_default, "parameter lr needs a default"),
        (has_stars, "no name that a recipe could use"),
        (lacks_data, "must take two arguments before its hyperparameters"),
        (has_bytes, "parameter key has the type bytes; legal: bool, int"),
        (has_undefined, "an annotation cannot be evaluated"),
    ],
)
def test_a_signature_that_is_not_a_grammar_names_the_parameter(function, text):
    with pytest.raises(TypeError, match=text):
        grammar_of(function)


def test_a_default_outside_its_range_is_refused():
    def fit(run, data, lr: Annotated[float, Range(0, 1)] = 2.0): ...

    with pytest.raises(ValueError, match=r"default 2\.0 is not a number from 0 to 1"):
        grammar_of(fit)


@pytest.mark.parametrize(("low", "high", "log"), [(2, 1, False), (0, 1, True), (float("nan"), 1, False)])
def test_a_range_without_values_is_refused(low, high, log):
    with pytest.raises(ValueError, match="Range"):
        Range(low, high, log)
