"""Opening a search and running it to its end."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from hpo.core.events import SearchOpened, Warned
from hpo.core.home import Home
from hpo.core.outcome import Outcome, Watcher
from hpo.data.leaks import Leaks
from hpo.ledger.store import LedgerStore, SearchLedger
from hpo.running.ray_session import require_reachable
from hpo.spec import SearchSpec
from hpo.use_cases.dataset.checks import data_warnings
from hpo.use_cases.dataset.leak_check import find_dataset_leaks, refuse_overlap
from hpo.use_cases.dataset.split_dataset import SplitDataset, split_dataset_of
from hpo.use_cases.model.register_policy import openings_of, warning_of
from hpo.use_cases.search import disk_space
from hpo.use_cases.search.gpus import usable_gpus
from hpo.use_cases.search.lock import hold_lock
from hpo.use_cases.search.run import SearchRun
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
    address: str | None = None,
    watch: Watcher | None = None,
) -> Outcome:
    """Run a search: one recipe and one honest number.

    Args:
        spec: What to search.
        home: Where everything of it is kept.
        name: What to call it; by default the spec's name with a number.
        tags: The user's own labels.
        unseal: Whether the winner is scored on the test part at the end.
        again: Why the test part is to be opened though the same data was before; empty if it is not.
        address: A Ray cluster; None for ``RAY_ADDRESS`` or an embedded Ray.
        watch: Told of every event.

    Raises:
        UserError: If something typed or written is wrong; nothing has started then.
        Interrupted: If a signal stopped it; it can be resumed.
        HpoError: If it cannot go on; it can be resumed once the reason is gone.
    """
    home.create()
    disk_space.require_disk_space(home)
    store = LedgerStore.at(home.ledger)
    if name is not None:
        store.refuse_name(name)
    cluster = address or os.environ.get("RAY_ADDRESS")
    if cluster:
        require_reachable(cluster)
    else:
        usable_gpus(spec)
    warm_start = warm_start_of(spec, home)
    material = split_dataset_of(spec.data, spec.base, home)
    unsound = data_warnings(spec, material)
    leaks = find_dataset_leaks(spec.data, spec.base, material)
    refuse_overlap(spec.data, leaks)
    ledger = open_search(store, spec, material, name, tags or {}, leaks, unsound, warm_start)
    with hold_lock(home.search(ledger.name), ledger.name):
        running = SearchRun(home, spec, material, ledger)
        return running.to_end(unseal=unseal, again=again, address=address, watch=watch)


def open_search(
    store: LedgerStore,
    spec: SearchSpec,
    material: SplitDataset,
    name: str | None,
    tags: Mapping[str, str],
    leaks: Leaks | None = None,
    unsound: Sequence[str] = (),
    warm_start: WarmStartReport = NOTHING_REPORTED,
) -> SearchLedger:
    """Put a search's first events on record, what its data gives away or does not bear among them."""
    split = material.facts(spec.finalists.fresh, spec.finalists.seeds)
    overlap = {"overlap": leaks.train_test} if leaks and leaks.stops else {}
    warmth = warm_start.warm_start.to_json()
    opened = SearchOpened(spec.document, spec.digest, split | overlap, versions(), dict(tags), warmth)
    ledger = store.create(spec.name, opened, name)
    looks = openings_of(spec.data, material.prepared)
    said = [warning_of(looks)] if looks else []
    said += leaks.findings() if leaks else []
    said += [*unsound, *warm_start.notes]
    ledger.append([Warned(text) for text in (*said, *spec.warnings, *material.prepared.warnings)])
    return ledger
