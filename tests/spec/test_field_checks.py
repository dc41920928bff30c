"""The message of a field names its legal values, with both ends of their range."""

import pytest

from hpo.spec import parse_spec
from hpo.spec.faults import InvalidSpec


@pytest.mark.parametrize(
    ("section", "field", "value", "message"),
    [
        ("data", "validation", 1, "1: legal: a number above 0 and below 1"),
        ("data", "validation", 0, "0: legal: a number above 0 and below 1"),
        ("budget", "trials", 0, "0: legal: a whole number of at least 1 and at most 1,000,000,000"),
        ("finalists", "count", 1001, "1001: legal: a whole number of at least 1 and at most 1,000"),
        ("scheduler", "reduction_factor", 1, "1: legal: a whole number of at least 2 and at most 1,000"),
        ("resources", "cpus", 0, "0: legal: a number above 0 and at most 1,000,000,000"),
    ],
)
def test_the_ends_of_a_range(section, field, value, message, document, toy):
    document[section] = {**document.get(section, {}), field: value}
    with pytest.raises(InvalidSpec) as refused:
        parse_spec(document, trainables=toy)
    assert [(fault.path, fault.message) for fault in refused.value.faults] == [
        (f"{section}.{field}", message)
    ]


@pytest.mark.parametrize(
    ("section", "field", "value"),
    [("finalists", "count", 1000), ("scheduler", "reduction_factor", 2), ("budget", "trials", 10**9)],
)
def test_the_ends_are_legal(section, field, value, document, toy):
    document[section] = {**document.get(section, {}), field: value}
    document["budget"] = {**document.get("budget", {}), "trials": 10**9}
    assert parse_spec(document, trainables=toy).document[section][field] == value
