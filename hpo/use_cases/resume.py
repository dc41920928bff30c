"""Taking up a search that was stopped, killed, or is to have more trials."""

from __future__ import annotations

from hpo.core.errors import Refused
from hpo.core.events import Event, SearchExtended, SearchResumed, Warned
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.outcome import Outcome, Watcher
from hpo.ledger.searches import open_ledger, read_history
from hpo.spec import SearchSpec, parse_spec
from hpo.use_cases.dataset.split_dataset import SplitDataset, split_dataset_of
from hpo.use_cases.search.disk_space import require_disk_space
from hpo.use_cases.search.lock import hold_lock
from hpo.use_cases.search.run import SearchRun
from hpo.use_cases.search.versions import changes, versions


def resume_search(
    name: str,
    *,
    home: Home,
    more_trials: int = 0,
    unseal: bool = True,
    again: str = "",
    address: str | None = None,
    watch: Watcher | None = None,
) -> Outcome:
    """Go on with a search from its record, and end as it would have ended.

    Args:
        name: Its name.
        home: Where it is kept.
        more_trials: Trials to add; only while its test part is sealed.
        unseal: Whether the winner is scored on the test part at the end.
        again: Why the test part is to be opened though the same data was before; empty if it is not.
        address: A Ray cluster; None for ``RAY_ADDRESS`` or an embedded Ray.
        watch: Told of every event from now on.

    Raises:
        UserError: If there is no such search.
        Refused: If another process runs it, its data changed, or its test part was opened and
            trials are to be added.
    """
    ledger = open_ledger(name, home)
    require_disk_space(home)
    with hold_lock(home.search(name), name):
        history = read_history(ledger)
        assert history.opened is not None
        spec = parse_spec(history.opened.spec, source=name)
        material = split_dataset_of(spec.data, spec.base, home)
        _same_data(name, spec, history, material)
        ledger.append(_events(name, history, more_trials))
        running = SearchRun(home, spec, material, ledger, since=history.seq)
        return running.to_end(unseal=unseal, again=again, address=address, watch=watch)


def _same_data(name: str, spec: SearchSpec, history: History, material: SplitDataset) -> None:
    """Refuse other data, and data that another version of this service reads in another way."""
    assert history.opened is not None
    before = history.opened.split
    now = material.facts(spec.finalists.fresh, spec.finalists.seeds)
    if any(now[key] != before[key] for key in ("fingerprint", "data", "folds") if key in before):
        if before.get("format", now["format"]) != now["format"]:
            version = history.opened.versions.get("hpo-service", "the version it began with")
            raise Refused(
                f"{name} was begun by hpo {version}, which keeps data in another form (format "
                f"{before['format']}, now {now['format']}); resume it with that version, or submit a new one"
            )
        raise Refused(f"the data of {name} is not what it was when the search began; submit a new one")


def _events(name: str, history: History, more_trials: int) -> list[Event]:
    assert history.opened is not None
    now = versions()
    events: list[Event] = [SearchResumed(now)]
    changed = changes(history.opened.versions, now)
    if changed:
        events.append(Warned(f"versions changed since the search began: {', '.join(changed)}"))
    if more_trials:
        if history.claim is not None:
            raise Refused(
                f"the test part of {name} was opened; more trials would be chosen knowing its score. "
                "Submit a new search"
            )
        events.append(SearchExtended(more_trials))
    return events
