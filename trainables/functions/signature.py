"""The signature of a training function as the grammar of its recipes.

A hyperparameter is written once: its type, default, legal range and description are those of the
function's parameter::

    def fit(run, data, *, lr: Annotated[float, Range(1e-6, 10, log=True), "learning rate"] = 1.0,
            optimizer: Literal["sgd", "adam"] = "sgd", layers: int = 2): ...
"""

from __future__ import annotations

import inspect
import math
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hpo.core.grammar import Grammar, Hyperparameter, Kind

LEADING = ("run", "data")
"""Parameters of a training function that are no hyperparameters: its first two, whatever their names."""

KINDS: dict[Any, Kind] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    list[int]: "list",
    list[float]: "list",
    list[str]: "names",
}

LEGAL = "bool, int, float, str, Literal of texts, list[int], list[float], list[str], or one of them | None"


@dataclass(frozen=True, slots=True)
class Range:
    """The legal values of a number, in the annotation of a parameter.

    Attributes:
        low: Smallest legal value, inclusive.
        high: Largest legal value, inclusive.
        log: Whether a search should use a logarithmic scale.
    """

    low: float = -math.inf
    high: float = math.inf
    log: bool = False

    def __post_init__(self) -> None:
        """Refuse a range without values.

        Raises:
            ValueError: If low is above high, or a logarithmic range does not start above 0.
        """
        if not self.low <= self.high:
            raise ValueError(f"Range({self.low}, {self.high}) has no values")
        if self.log and not self.low > 0:
            raise ValueError(f"a logarithmic Range must start above 0, not at {self.low}")


def grammar_of(function: Callable[..., Any]) -> Grammar:
    """Return the grammar that a training function's signature declares.

    Raises:
        TypeError: If a parameter has no default or a type that no hyperparameter has.
        ValueError: If a default is not a legal value.
    """
    parameters = list(inspect.signature(function).parameters.values())
    if len(parameters) < len(LEADING):
        raise TypeError(f"{function.__name__} must take two arguments before its hyperparameters: run, data")
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise TypeError(f"{function.__name__}: an annotation cannot be evaluated: {error}") from error
    return Grammar(tuple(_hyperparameter(function, p, hints) for p in parameters[len(LEADING) :]))


def _hyperparameter(
    function: Callable[..., Any], parameter: inspect.Parameter, hints: dict[str, Any]
) -> Hyperparameter:
    name, default = parameter.name, parameter.default
    where = f"{function.__name__}: parameter {name}"
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        raise TypeError(f"{where}: * and ** parameters have no name that a recipe could use")
    if default is parameter.empty:
        raise TypeError(f"{where} needs a default value, which is used where a recipe says nothing")
    if isinstance(default, tuple):
        default = list(default)
    type_, extras = _taken_apart(hints.get(name, _type_of(default)))
    type_, optional = _without_none(type_)
    choices: tuple[str, ...] = ()
    if typing.get_origin(type_) is typing.Literal and all(isinstance(c, str) for c in typing.get_args(type_)):
        choices, type_ = typing.get_args(type_), str
    kind = KINDS.get(type_)
    if kind is None:
        raise TypeError(f"{where} has the type {_shown(type_)}; legal: {LEGAL}")
    range_ = next((extra for extra in extras if isinstance(extra, Range)), Range())
    doc = next((extra for extra in extras if isinstance(extra, str)), "")
    hyperparameter = Hyperparameter(
        name, kind, default, range_.low, range_.high, choices, optional, range_.log, doc
    )
    complaint = hyperparameter.complaint(default)
    if complaint:
        raise ValueError(f"{where}: the default {complaint}")
    return hyperparameter


def _taken_apart(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    if typing.get_origin(hint) is typing.Annotated:
        type_, *extras = typing.get_args(hint)
        return type_, tuple(extras)
    return hint, ()


def _without_none(type_: Any) -> tuple[Any, bool]:
    if typing.get_origin(type_) not in (typing.Union, types.UnionType):
        return type_, False
    members = [member for member in typing.get_args(type_) if member is not types.NoneType]
    return (members[0] if len(members) == 1 else type_), len(members) < len(typing.get_args(type_))


def _type_of(default: Any) -> Any:
    if not isinstance(default, list):
        return type(default)
    if default and all(isinstance(item, str) for item in default):
        return list[str]
    return list[float]


def _shown(type_: Any) -> str:
    return type_.__name__ if isinstance(type_, type) else str(type_)
