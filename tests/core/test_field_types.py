"""An event is made only of values that have the declared types, whichever kind and field somebody edits."""

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from enum import Enum

import pytest

from hpo.core.field_types import LARGEST, require_types
from hpo.core.record import KINDS, body_of, event_of
from hpo.core.search_summary import SearchSummary

SAMPLES = {int: 1, float: 0.5, str: "text", bool: True, typing.Any: {"any": [None]}}


def sample(hint):
    """Return a value of a declared type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return sample(arguments[0])
    if origin is tuple:
        return tuple(sample(argument) for argument in arguments if argument is not Ellipsis)
    if origin is Mapping:
        return {"key": sample(arguments[1])}
    return next(iter(hint)) if isinstance(hint, type) and issubclass(hint, Enum) else SAMPLES[hint]


def fields_of(cls):
    return {name: sample(hint) for name, hint in typing.get_type_hints(cls).items()}


def stored(cls):
    """Fields of an event as they are read from a ledger."""
    return json.loads(body_of(cls(**fields_of(cls))))


def wrong_values(hint):
    """Return values of other types, such as text for a number."""
    if hint is str:
        return (7, None, ["text"])
    if typing.get_origin(hint) is Mapping:
        values = typing.get_args(hint)[1]
        inner = [] if values is typing.Any else [{"key": value} for value in wrong_values(values)]
        return ("text", 7, ["text"], *inner)
    if typing.get_origin(hint) is tuple:
        return (7, "text", {}, [7.5], ["ab", 7])
    return ("text", ["text"], {"a": 1}, *((10 * LARGEST,) if hint in (int, float) else ()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_of_another_type_is_refused_in_every_field_of_every_event(kind):
    cls = KINDS[kind]
    assert event_of(kind, stored(cls)) == cls(**fields_of(cls))
    for name, hint in typing.get_type_hints(cls).items():
        for value in wrong_values(hint):
            with pytest.raises((ValueError, TypeError)):
                event_of(kind, {**stored(cls), name: value})


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_without_a_default_must_be_there(kind):
    cls = KINDS[kind]
    for each in dataclasses.fields(cls):
        optional = (kind, each.name) == ("CodeChanged", "files")  # early versions left out what is empty
        if each.default is each.default_factory is dataclasses.MISSING and not optional:
            fields = stored(cls)
            del fields[each.name]
            with pytest.raises(TypeError, match=each.name):
                event_of(kind, fields)


def test_numbers_that_json_lacks_and_whole_numbers_are_numbers():
    for value in (float("nan"), float("inf"), 0, -3, LARGEST - 1):
        require_types(SearchSummary, {"test": value})


def test_a_stored_summary_of_other_types_is_refused():
    text = SearchSummary(seq=3, trials=2).to_json()
    assert SearchSummary.of_json(text).trials == 2
    for name, hint in typing.get_type_hints(SearchSummary).items():
        for value in wrong_values(hint):
            with pytest.raises((ValueError, TypeError)):
                SearchSummary.of_json(json.dumps({**json.loads(text), name: value}))
