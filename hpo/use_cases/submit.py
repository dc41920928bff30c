"""Opening a search and running it to its end."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from hpo.core.events import SearchOpened, Warned
from hpo.core.home import Home
from hpo.core.outcome import Outcome, Watch
from hpo.data.leaks import Leaks
from hpo.ledger.store import SearchLedger, Store
from hpo.running.ray_session import refuse_deaf
from hpo.spec import SearchSpec
from hpo.use_cases import space
from hpo.use_cases.gpus import usable_gpus
from hpo.use_cases.leaking import insist, leaks_of
from hpo.use_cases.lock import held
from hpo.use_cases.material import Material, material_of
from hpo.use_cases.register import looks_at, warning_of
from hpo.use_cases.searching import Running
from hpo.use_cases.soundness import complaints
from hpo.use_cases.versions import versions
from hpo.use_cases.warming import NOTHING, Warming, warming_of


def submit(
    spec: SearchSpec,
    *,
    home: Home,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    unseal: bool = True,
    again: str = "",
    address: str | None = None,
    watch: Watch | None = None,
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
    space.insist(home)
    store = Store.at(home.ledger)
    if name is not None:
        store.refuse_name(name)
    cluster = address or os.environ.get("RAY_ADDRESS")
    if cluster:
        refuse_deaf(cluster)
    else:
        usable_gpus(spec)
    warming = warming_of(spec, home)
    material = material_of(spec.data, spec.base, home)
    unsound = complaints(spec, material)
    leaks = leaks_of(spec.data, spec.base, material)
    insist(spec.data, leaks)
    ledger = open_search(store, spec, material, name, tags or {}, leaks, unsound, warming)
    with held(home.search(ledger.name), ledger.name):
        running = Running(home, spec, material, ledger)
        return running.to_end(unseal=unseal, again=again, address=address, watch=watch)


def open_search(
    store: Store,
    spec: SearchSpec,
    material: Material,
    name: str | None,
    tags: Mapping[str, str],
    leaks: Leaks | None = None,
    unsound: Sequence[str] = (),
    warming: Warming = NOTHING,
) -> SearchLedger:
    """Put a search's first events on record, what its data gives away or does not bear among them."""
    split = material.facts(spec.finalists.fresh, spec.finalists.seeds)
    overlap = {"overlap": leaks.train_test} if leaks and leaks.stops else {}
    warmth = warming.warmth.to_json()
    opened = SearchOpened(spec.document, spec.digest, split | overlap, versions(), dict(tags), warmth)
    ledger = store.create(spec.name, opened, name)
    looks = looks_at(spec.data, material.prepared)
    said = [warning_of(looks)] if looks else []
    said += leaks.findings() if leaks else []
    said += [*unsound, *warming.notes]
    ledger.append([Warned(text) for text in (*said, *spec.warnings, *material.prepared.warnings)])
    return ledger
