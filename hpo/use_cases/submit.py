"""Open a search and run it to its end."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from hpo.core.errors import Refused
from hpo.core.events import SearchOpened, Warned
from hpo.core.home import Home
from hpo.core.outcome import Outcome, Watcher
from hpo.core.user_code import code_digests
from hpo.data.leaks import Leaks
from hpo.ledger.store import LedgerStore, SearchLedger
from hpo.spec import SearchSpec
from hpo.use_cases.dataset.checks import data_warnings
from hpo.use_cases.dataset.leak_check import find_dataset_leaks, refuse_overlap
from hpo.use_cases.dataset.split_dataset import SplitDataset
from hpo.use_cases.model.home_openings import known_openings_of
from hpo.use_cases.model.opened_rows import moved_rows, new_dataset_of, refusal_of_split
from hpo.use_cases.model.register_policy import warning_of
from hpo.use_cases.search import disk_space
from hpo.use_cases.search.capacity import require_capacity
from hpo.use_cases.search.lock import hold_lock
from hpo.use_cases.search.run import SearchRun
from hpo.use_cases.search.signals import Signals
from hpo.use_cases.search.versions import versions
from hpo.use_cases.search.warm_start import NOTHING_REPORTED, WarmStartReport, warm_start_of


def submit_search(
    spec: SearchSpec,
    *,
    home: Home,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    unseal: bool = True,
    again: str = "",
    new_split: str = "",
    address: str | None = None,
    watch: Watcher | None = None,
) -> Outcome:
    """Run a search to its end: one recipe and one honest number.

    Args:
        spec: What to search.
        home: Home of the search.
        name: Name of the search; by default the spec's name with a number.
        tags: The user's own labels.
        unseal: Whether to score the winner on the test part at the end.
        again: Why to open the test part although the same data was opened before; empty to refuse that.
        new_split: Why the test part is cut anew, so that opened rows may become development rows; empty to
            keep every row on record where it is.
        address: A Ray cluster; None for ``RAY_ADDRESS`` or an embedded Ray.
        watch: Receives every event.

    Raises:
        UserError: If an argument or the spec is wrong; nothing has started then.
        Refused: If opened test rows would become development rows; nothing has started then.
        Interrupted: If a signal stopped it; it can be resumed.
        HpoError: If it cannot go on; it can be resumed when the reason is fixed.
    """
    home.create()
    disk_space.require_disk_space(home)
    store = LedgerStore.at(home.ledger)
    if name is not None:
        store.refuse_name(name)
    cluster = address or os.environ.get("RAY_ADDRESS") or None
    require_capacity(spec, cluster)
    warm_start = warm_start_of(spec, home)
    dataset, stray = new_dataset_of(spec.data, spec.base, home, anew=bool(new_split))
    moved = moved_rows(spec, home, dataset, stray)
    if moved and not new_split:
        raise Refused(refusal_of_split(moved))
    accepted = [f"{sentence}; accepted with --new-split: {new_split}" for sentence in moved]
    warnings = [*accepted, *data_warnings(spec, dataset)]
    leaks = find_dataset_leaks(spec.data, spec.base, dataset, near=True)
    refuse_overlap(spec.data, leaks)
    signals = Signals()
    with signals.handled():  # from here on a signal stops a search that can be resumed
        ledger = open_search(store, spec, dataset, name, tags or {}, leaks, warnings, warm_start)
        with hold_lock(home.search(ledger.name), ledger.name):
            run = SearchRun(home, spec, dataset, ledger)
            return run.to_end(signals, unseal=unseal, again=again, address=address, watch=watch)


def open_search(
    store: LedgerStore,
    spec: SearchSpec,
    dataset: SplitDataset,
    name: str | None,
    tags: Mapping[str, str],
    leaks: Leaks | None = None,
    warnings: Sequence[str] = (),
    warm_start: WarmStartReport = NOTHING_REPORTED,
) -> SearchLedger:
    """Record the first events of a search, with every warning about its data.

    Args:
        store: Where to record it.
        spec: What to search.
        dataset: Its data.
        name: Name of the search; None for the spec's name with a number.
        tags: The user's own labels.
        leaks: Examples that the split parts share; None if that was not checked.
        warnings: What else is wrong with the data, one sentence each.
        warm_start: What the search starts with from earlier ones.
    """
    split = dataset.facts(spec.finalists.fresh, spec.finalists.seeds)
    overlap = {"overlap": leaks.train_test} if leaks and leaks.stops else {}
    warmth, code = warm_start.warm_start.to_json(), code_digests(spec.trainable, spec.base)
    opened = SearchOpened(spec.document, spec.digest, split | overlap, versions(), dict(tags), warmth, code)
    home = Home(dataset.prepared.folder.parent.parent)
    openings = known_openings_of(spec.data, dataset.prepared, spec.base, home)
    ledger = store.create(spec.name, opened, name)
    texts = [warning_of(openings)] if openings else []
    texts += leaks.findings() if leaks else []
    texts += [*warnings, *warm_start.notes, *spec.warnings, *dataset.prepared.warnings]
    ledger.append([Warned(text) for text in texts])
    return ledger
