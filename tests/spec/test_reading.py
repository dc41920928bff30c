"""A spec is read whole or refused with every fault."""

import json

import pytest

from hpo.core.errors import InvalidSpec
from hpo.spec import SearchSpec, parse, read


def test_a_shipped_spec_parses_back_from_its_own_document() -> None:
    spec = read("digits")
    assert isinstance(spec, SearchSpec)
    again = parse(json.loads(json.dumps(spec.document, sort_keys=True)))
    assert again == spec
    assert again.digest == spec.digest
    assert [p.name for p in again.space.parameters] == [p.name for p in spec.space.parameters]


def test_an_unknown_name_lists_what_ships() -> None:
    with pytest.raises(InvalidSpec, match="did you mean digits.*legal: .*digits"):
        read("digit")
