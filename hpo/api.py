"""Searches from Python, by the same use cases as the command line.

import hpo

search = hpo.submit("spec.yaml")
search = hpo.submit(fit, data=data, space={"lr": {"loguniform": [1e-4, 1]}}, budget=20, max_epochs=10)
search.trials()    # a pandas DataFrame, one row for each training
search.best()
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from hpo.core.home import Home
from hpo.core.json_values import SpecFields
from hpo.core.outcome import Watcher

if TYPE_CHECKING:
    from hpo.spec import SearchSpec
    from hpo.spec.composed_spec import DataSource, Sections
    from hpo.use_cases.inspect import Search
    from hpo.use_cases.listing import Summary

Folder = str | os.PathLike[str] | None
"""Folder of a home; None for ``HPO_HOME``, or else ``.hpo`` in the working folder."""


def submit(
    spec: str | Path | SpecFields | SearchSpec | Callable[..., Any],
    *,
    data: DataSource | None = None,
    space: SpecFields | None = None,
    budget: int | SpecFields | None = None,
    max_epochs: int | None = None,
    overrides: Sequence[str] = (),
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    unseal: bool = True,
    again: str = "",
    new_split: str = "",
    address: str | None = None,
    home: Folder = None,
    watch: Watcher | None = None,
    **sections: Unpack[Sections],
) -> Search:
    """Run a search to its end.

    Args:
        spec: A spec: its file, the name of a shipped one, its content, or one already read. With ``data``,
            ``space`` and ``budget`` what trains: a function decorated with `hpo.trainable`, or a trainable's
            class or name.
        data: A function of yours, the name of a shipped source, or the ``data`` section of a spec; not needed
            where ``spec`` is a mapping with a ``command``, which may read its own.
        space: Ranges by the names of hyperparameters, such as ``{"lr": {"loguniform": [1e-4, 1]}}``.
        budget: Number of trials, or the ``budget`` section of a spec.
        max_epochs: Epochs of a full training.
        overrides: ``key=value`` for any field of a spec that is read from a file.
        name: Name of the search; by default the spec's name with a number.
        tags: Your own labels.
        unseal: Whether to score the winner on the test part at the end.
        again: Why to open the test part although the same data was opened before; empty to refuse that.
        new_split: Why the test part is cut again; empty to keep every row on record where it is.
        address: A Ray cluster; None for ``RAY_ADDRESS`` or an embedded Ray.
        home: Folder of the home.
        watch: Receives every event; by default a notebook shows the progress below the cell.
        sections: Further sections of a composed spec, such as ``finalists={"count": 1}``.

    Raises:
        InvalidSpec: If the spec has faults; the message lists them all.
        UserError: If a function could not be imported by other processes.
        Interrupted: If a signal stopped it; `resume` continues it.
        HpoError: If it cannot go on.
        TypeError: If only some of ``data``, ``space`` and ``budget`` are given.
    """
    checked = spec_of(spec, data, space, budget, max_epochs, overrides, sections)
    from hpo.reports.notebook import watcher_here
    from hpo.use_cases.inspect import load_search
    from hpo.use_cases.intention import intention_of
    from hpo.use_cases.search.run_options import RunOptions
    from hpo.use_cases.submit import Submission, submit_search

    folder = Home.at(home)
    options = RunOptions(unseal, again, address=address)
    submission = Submission(checked, folder, name, tags or {}, options, new_split)
    watch = watch or watcher_here(lambda: intention_of(checked, folder, unseal))
    return load_search(submit_search(submission, watch).search, folder)


def resume(
    name: str,
    *,
    more_trials: int = 0,
    retry: Sequence[int] | None = None,
    unseal: bool = True,
    again: str = "",
    changed_code: bool = False,
    address: str | None = None,
    home: Folder = None,
    watch: Watcher | None = None,
) -> Search:
    """Continue a search; see `submit` for the arguments.

    Args:
        name: Name of the search.
        more_trials: Trials to add; only while its test part is sealed.
        retry: Failed trials to try again with the code as it is now, as new trials at the same points;
            empty for all of them.
        unseal: As for `submit`.
        again: As for `submit`.
        changed_code: Whether to go on although the training code has changed; recorded.
        address: As for `submit`.
        home: As for `submit`.
        watch: As for `submit`.

    Raises:
        UserError: If there is no such search.
        Refused: If another process runs it, or trials were to be added after its test part was opened.
    """
    from hpo.reports.notebook import watcher_here
    from hpo.use_cases.inspect import load_search
    from hpo.use_cases.intention import intention_of_search
    from hpo.use_cases.resume import resume_search
    from hpo.use_cases.search.run_options import RunOptions

    opened = Home.at(home)
    resume_search(
        name,
        home=opened,
        more_trials=more_trials,
        retry=retry,
        options=RunOptions(unseal, again, changed_code, address),
        watch=watch or watcher_here(lambda: intention_of_search(name, opened, unseal)),
    )
    return load_search(name, opened)


def load(name: str, *, home: Folder = None) -> Search:
    """Return a search by its name, running or not.

    Raises:
        UserError: If there is no such search; the message lists those that exist.
    """
    from hpo.use_cases.inspect import load_search

    return load_search(name, Home.at(home))


def searches(*, home: Folder = None) -> list[Summary]:
    """Return a summary of every search of a home, oldest first."""
    from hpo.use_cases.listing import list_searches

    return list_searches(Home.at(home))


def _is_spec(spec: Any) -> bool:
    from hpo.spec import SearchSpec

    return isinstance(spec, str | Path | Mapping | SearchSpec)


def spec_of(
    spec: Any,
    data: DataSource | None,
    space: SpecFields | None,
    budget: int | SpecFields | None,
    max_epochs: int | None,
    overrides: Sequence[str],
    sections: Sections,
) -> SearchSpec:
    """Return the spec that arguments of `submit` describe; see there.

    Raises:
        InvalidSpec: If it has faults.
        UserError: If a function could not be imported by other processes.
        TypeError: If only some of ``data``, ``space`` and ``budget`` are given.
    """
    if any(part is not None for part in (data, space, budget)):
        return _composed(spec, data, space, budget, max_epochs, sections)
    if sections or max_epochs is not None or not _is_spec(spec):
        raise TypeError("a composed spec needs data, space and budget")
    return _spec(spec, overrides)  # before the imports, which fail where a user's module hides ours


def _composed(
    trainable: Any,
    data: DataSource | None,
    space: SpecFields | None,
    budget: int | SpecFields | None,
    max_epochs: int | None,
    sections: Sections,
) -> SearchSpec:
    from hpo.spec import parse_spec
    from hpo.spec.composed_spec import composed

    by_command = isinstance(trainable, Mapping)
    if space is None or budget is None or (data is None and not by_command):
        raise TypeError("a composed spec needs data (unless a command reads its own), space and budget")
    document, base = composed(trainable, data, space, budget, max_epochs, sections)
    return parse_spec(document, source="hpo.submit", base=base)


def _spec(spec: Any, overrides: Sequence[str]) -> SearchSpec:
    from hpo.spec import SearchSpec, parse_spec, read_spec

    if isinstance(spec, str | Path):
        return read_spec(spec, overrides)
    if overrides:
        raise TypeError("overrides need a spec that is read from a file")
    return spec if isinstance(spec, SearchSpec) else parse_spec(spec)
