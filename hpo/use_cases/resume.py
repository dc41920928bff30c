"""Continue a search that was stopped or killed, or add trials to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpo.core.errors import InvalidSpec, Refused
from hpo.core.events import (
    Event,
    SearchExtended,
    SearchOpened,
    SearchResumed,
    TrialsRetried,
    Warned,
)
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.outcome import Outcome, Watcher
from hpo.core.package_versions import changes, versions
from hpo.data.recorded_cuts import CutsOnRecord
from hpo.ledger.searches import open_ledger, read_history
from hpo.spec import SearchSpec, parse_spec
from hpo.use_cases.dataset.split_dataset import SplitDataset, split_dataset_of
from hpo.use_cases.failed_trials import failed_trials, require_sealed
from hpo.use_cases.kept_report import keep_report
from hpo.use_cases.model.code_policy import accepted_code
from hpo.use_cases.search.disk_space import require_disk_space
from hpo.use_cases.search.holding import held
from hpo.use_cases.search.run import SearchRun
from hpo.use_cases.search.run_options import DEFAULTS, RunOptions
from hpo.use_cases.search.signals import Signals


def resume_search(
    name: str,
    *,
    home: Home,
    more_trials: int = 0,
    retry: Sequence[int] | None = None,
    options: RunOptions = DEFAULTS,
    watch: Watcher | None = None,
) -> Outcome:
    """Continue a search from its record, so that it ends as if it had not been interrupted.

    Args:
        name: The search's name.
        home: Home of the search.
        more_trials: Trials to add; only while its test part is sealed.
        retry: Failed trials to try again as new trials at the same points, with the code as it is now;
            empty for all of them, None for no trial. Only while the test part is sealed.
        options: Choices about this run.
        watch: Receives every event from now on.

    Raises:
        UserError: If there is no such search.
        Refused: If another process runs it, its data or code changed, or trials were to be added
            after its test part was opened.
    """
    ledger = open_ledger(name, home)
    home.create()  # of a team's search, this may be the first home on this machine
    require_disk_space(home)
    with held(home, ledger) as hold:
        history = read_history(ledger)
        assert history.opened is not None
        spec = _spec_of(name, history.opened)
        cuts = CutsOnRecord.of_record(history.opened.split)
        dataset = split_dataset_of(spec.data, spec.base, home, cuts)
        _require_same_data(name, spec, history, dataset)
        accept = options.changed_code or retry is not None
        code = accepted_code(name, spec, history, "resume", accept=accept)
        run, signals = SearchRun(home, spec, dataset, ledger, history, keep_report, hold), Signals()
        with signals.handled():  # from here on a signal stops a search that can be resumed
            retried = [] if retry is None else [TrialsRetried(failed_trials(name, history, retry))]
            first = [*_events(name, spec, history, more_trials), *retried, *code]
            hold.begin(options, first, after=history.seq)
            return run.to_end(signals, options, watch)


def _spec_of(name: str, opened: SearchOpened) -> SearchSpec:
    """Return the spec of a search; a fault on a machine that lacks its folder says so."""
    try:
        return parse_spec(opened.spec, source=name)
    except InvalidSpec as error:
        base = opened.spec.get("base")
        if base and not Path(base).is_dir():
            error.hint = f"{name} was submitted from {base}, a folder that this machine does not have"
        raise


def _require_same_data(name: str, spec: SearchSpec, history: History, dataset: SplitDataset) -> None:
    """Refuse data that has changed, or that another version of this service reads differently."""
    assert history.opened is not None
    before = history.opened.split
    now = dataset.facts(spec.finalists.fresh, spec.finalists.seeds)
    if any(now[key] != before[key] for key in ("fingerprint", "data", "folds") if key in before):
        if before.get("format", now["format"]) != now["format"]:
            version = history.opened.versions.get("hpo-service", "another version")
            raise Refused(
                f"{name} was started by hpo {version}, which stores data in format {before['format']}, not "
                f"{now['format']}; resume it with that version, or submit a new search"
            )
        changed = next(
            key for key in ("data", "fingerprint", "folds") if now.get(key) != before.get(key, now[key])
        )
        raise Refused(
            f"the data of {name} has changed since the search began: its fingerprint ({changed}) was "
            f"{str(before[changed])[:16]} and is {str(now[changed])[:16]}; submit a new search"
        )


def _events(name: str, spec: SearchSpec, history: History, more_trials: int) -> list[Event]:
    assert history.opened is not None
    now = versions(spec.trainable, spec.base)
    events: list[Event] = [SearchResumed(now)]
    changed = changes(history.opened.versions, now)
    if changed:
        events.append(Warned(f"versions changed since the search began: {', '.join(changed)}"))
    if more_trials:
        require_sealed(name, history)
        events.append(SearchExtended(more_trials))
    return events
