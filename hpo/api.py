"""The searches in Python: the same use cases that the command line calls.

import hpo

search = hpo.submit("spec.yaml")
search.trials()    # a pandas DataFrame, one row a trial
search.best()
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.core.home import Home
from hpo.core.outcome import Watcher

if TYPE_CHECKING:
    from hpo.spec import SearchSpec
    from hpo.use_cases.inspect import Search, Summary

Folder = str | os.PathLike[str] | None
"""A home; None for ``HPO_HOME``, otherwise ``.hpo`` in the working folder."""


def submit(
    spec: str | Path | Mapping[str, Any] | SearchSpec,
    *,
    overrides: Sequence[str] = (),
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    unseal: bool = True,
    again: str = "",
    address: str | None = None,
    home: Folder = None,
    watch: Watcher | None = None,
) -> Search:
    """Run a search to its end.

    Args:
        spec: File of a spec, name of one that ships, what a spec's file would say, or a read spec.
        overrides: ``key=value`` for any field of a spec that is read from a file.
        name: What to call the search; by default the spec's name with a number.
        tags: Your own labels.
        unseal: Whether the winner is scored on the test part at the end.
        again: Why the test part is to be opened though the same data was before; empty if it is not.
        address: A Ray cluster; None for ``RAY_ADDRESS`` or an embedded Ray.
        home: Where everything of it is kept.
        watch: Told of every event.

    Raises:
        InvalidSpec: With every fault of the spec.
        Interrupted: If a signal stopped it; `resume` goes on.
        HpoError: If it cannot go on.
    """
    checked = _spec(spec, overrides)  # before the imports, which fail where a user's module hides ours
    from hpo.use_cases.inspect import load_search
    from hpo.use_cases.submit import submit_search

    place = Home.at(home)
    outcome = submit_search(
        checked,
        home=place,
        name=name,
        tags=tags,
        unseal=unseal,
        again=again,
        address=address,
        watch=watch,
    )
    return load_search(outcome.search, place)


def resume(
    name: str,
    *,
    more_trials: int = 0,
    unseal: bool = True,
    again: str = "",
    address: str | None = None,
    home: Folder = None,
    watch: Watcher | None = None,
) -> Search:
    """Go on with a search; see `submit` for the arguments.

    Raises:
        UserError: If there is no such search.
        Refused: If another process runs it, or trials are to be added after the test was opened.
    """
    from hpo.use_cases.inspect import load_search
    from hpo.use_cases.resume import resume_search

    place = Home.at(home)
    resume_search(
        name,
        home=place,
        more_trials=more_trials,
        unseal=unseal,
        again=again,
        address=address,
        watch=watch,
    )
    return load_search(name, place)


def load(name: str, *, home: Folder = None) -> Search:
    """A search by its name, running or not.

    Raises:
        UserError: If there is none; the message lists those there are.
    """
    from hpo.use_cases.inspect import load_search

    return load_search(name, Home.at(home))


def searches(*, home: Folder = None) -> list[Summary]:
    """What searches there are."""
    from hpo.use_cases.inspect import list_searches

    return list_searches(Home.at(home))


def _spec(spec: str | Path | Mapping[str, Any] | SearchSpec, overrides: Sequence[str]) -> SearchSpec:
    from hpo.spec import SearchSpec, parse_spec, read_spec

    if isinstance(spec, str | Path):
        return read_spec(spec, overrides)
    if overrides:
        raise TypeError("overrides are for specs that are read from a file")
    return spec if isinstance(spec, SearchSpec) else parse_spec(spec)
