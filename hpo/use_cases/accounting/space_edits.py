"""How the space of a search differs from that of the searches it learned from, as after `hpo refine`.

Ranges that were narrowed after their trials were seen are choices made on the validation rows, too.
"""

from __future__ import annotations

from collections.abc import Iterator

from hpo.core.errors import HpoError
from hpo.core.home import Home
from hpo.ledger.searches import opened_of
from hpo.ledger.store import LedgerStore
from hpo.spec import SearchSpec, parse_spec
from hpo.spec.overview import ParameterRow, rows


def space_edits(spec: SearchSpec, home: Home) -> tuple[str, ...]:
    """Return each change of a hyperparameter since the searches that a search names in `warm_start`.

    Searches that this home does not hold, and recipe files, have no space to compare with.
    """
    if not spec.warm_start:
        return ()
    store = LedgerStore.of(home)
    known = set(store.names())
    edits = [
        edit
        for name in spec.warm_start
        if name in known
        for edit in _edits(name, _space_of(store, name), _by_name(rows(spec)))
    ]
    return tuple(edits)


def _space_of(store: LedgerStore, name: str) -> dict[str, ParameterRow]:
    try:
        return _by_name(rows(parse_spec(opened_of(store.open(name)).spec, source=name)))
    except HpoError:  # its parts may have been removed since
        return {}


def _by_name(space: tuple[ParameterRow, ...]) -> dict[str, ParameterRow]:
    return {row.name: row for row in space}


def _edits(name: str, earlier: dict[str, ParameterRow], now: dict[str, ParameterRow]) -> Iterator[str]:
    if not earlier:
        return
    for parameter in dict.fromkeys([*earlier, *now]):
        before, after = earlier.get(parameter), now.get(parameter)
        if before is None and after is not None:
            yield f"{parameter} {after.values}: not searched in {name}"
        elif before is not None and after is None:
            yield f"{parameter}: no longer searched, {before.values} in {name}"
        elif before is not None and after is not None and before.values != after.values:
            yield f"{parameter} {after.values}: {before.values} in {name}"
