"""Whether values read from a file have the types that a dataclass declares.

A record may come from somebody else, or have been edited. A number that became text would otherwise be
noticed only where a command computes with it, each in its own way.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from hpo.core.json_values import JsonFields

Check = Callable[[Any], bool]

LARGEST = 2**63
"""Integers up to here become floats without an error."""


def require_types(cls: type, values: JsonFields) -> None:
    """Check the fields of a dataclass before one is made of them.

    Args:
        cls: The dataclass.
        values: Fields by name; missing and unknown ones are not checked.

    Raises:
        ValueError: If a value is of another type than declared, with the name of its field.
    """
    for name, fits in _checks(cls):
        if name in values and not fits(values[name]):
            raise ValueError(f"{name} is {repr(values[name])[:60]}")


@functools.cache
def _checks(cls: type) -> tuple[tuple[str, Check], ...]:
    return tuple((name, _check(hint)) for name, hint in typing.get_type_hints(cls).items())


def _check(hint: Any) -> Check:
    """Return whether a value is of a declared type, as a function of the value."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        alternatives = [_check(argument) for argument in arguments]
        return lambda value: any(fits(value) for fits in alternatives)
    if origin is tuple:
        return _tuple_check(arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        fits = _check(arguments[1])
        return lambda value: isinstance(value, dict) and all(map(fits, value.values()))
    if origin is typing.Literal:
        return lambda value: isinstance(value, str) and value in arguments
    if hint in NUMBERS:
        return NUMBERS[hint]
    if hint is Any:
        return lambda value: True
    assert hint in (str, bool, type(None)) or issubclass(hint, Enum), f"no check for {hint}"
    return lambda value: isinstance(value, hint)


def _tuple_check(arguments: tuple[Any, ...]) -> Check:
    checks = [_check(argument) for argument in arguments if argument is not Ellipsis]
    if Ellipsis in arguments:
        return lambda value: isinstance(value, tuple) and all(map(checks[0], value))
    return lambda value: (
        isinstance(value, tuple)
        and len(value) == len(checks)
        and all(fits(item) for fits, item in zip(checks, value, strict=True))
    )


def _is_integer(value: Any) -> bool:
    return type(value) is int and -LARGEST <= value < LARGEST


def _is_number(value: Any) -> bool:
    return type(value) is float or _is_integer(value)


NUMBERS: Mapping[Any, Check] = {int: _is_integer, float: _is_number}
