"""Open a search and run it to its end."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from hpo.core.errors import Refused
from hpo.core.events import SearchOpened, Warned
from hpo.core.home import Home
from hpo.core.outcome import Outcome, Watcher
from hpo.core.package_versions import versions
from hpo.core.private_files import replace_file
from hpo.core.user_code import code_digests, own_digests
from hpo.core.users import user_name
from hpo.data.leak_report import Leaks
from hpo.ledger.store import LedgerStore, SearchLedger
from hpo.spec import SearchSpec
from hpo.tracking.target import Target
from hpo.use_cases.dataset.checks import data_warnings
from hpo.use_cases.dataset.data_record import described
from hpo.use_cases.dataset.leak_check import find_dataset_leaks, refuse_overlap
from hpo.use_cases.dataset.split_dataset import SplitDataset
from hpo.use_cases.kept_report import keep_report
from hpo.use_cases.model.home_openings import known_openings_of
from hpo.use_cases.model.opened_rows import moved_rows, new_dataset_of, refusal_of_split
from hpo.use_cases.model.register_policy import warning_of
from hpo.use_cases.search import disk_space
from hpo.use_cases.search.capacity import require_capacity, require_room
from hpo.use_cases.search.cluster_job import ClusterJob, JobPlace, start_job
from hpo.use_cases.search.detached import DetachedRun, start_detached
from hpo.use_cases.search.hardware import hardware
from hpo.use_cases.search.holding import held, release, take_new
from hpo.use_cases.search.lock import create_folder
from hpo.use_cases.search.run import SearchRun
from hpo.use_cases.search.run_options import DEFAULTS, RunOptions
from hpo.use_cases.search.signals import Signals
from hpo.use_cases.search.sources import folder_of
from hpo.use_cases.search.stored_files import (
    code_files,
    code_kept_in_store,
    job_files,
    require_store,
    require_store_for,
)
from hpo.use_cases.search.warm_start import NOTHING_REPORTED, WarmStartReport, warm_start_of


@dataclass(frozen=True, slots=True)
class Submission:
    """A search to run.

    Attributes:
        spec: What to search.
        home: Home of the search.
        name: Name of the search; by default the spec's name with a number.
        tags: The user's own labels.
        options: Choices about its first run.
        new_split: Why the test part is cut again, so that opened rows may become development rows; empty to
            keep every row on record where it is.
    """

    spec: SearchSpec
    home: Home
    name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    options: RunOptions = DEFAULTS
    new_split: str = ""


def submit_search(submission: Submission, watch: Watcher | None = None) -> Outcome:
    """Run a search to its end: one recipe and one honest number.

    Args:
        submission: What to run.
        watch: Receives every event.

    Raises:
        UserError: If an argument or the spec is wrong; nothing has started then.
        Refused: If opened test rows would become development rows; nothing has started then.
        Interrupted: If a signal stopped it; it can be resumed.
        HpoError: If it cannot go on; it can be resumed when the reason is fixed.
    """
    open_run, signals = _checked(submission), Signals()
    with signals.handled():  # from here on a signal stops a search that can be resumed
        run = open_run()
        with held(submission.home, run.ledger, new=True) as hold:
            hold.begin(submission.options)
            return dataclasses.replace(run, hold=hold).to_end(signals, submission.options, watch)


def hold_search(submission: Submission) -> str:
    """Record a search without running it, for `run_search` to run; return its name.

    Raises:
        UserError: If an argument or the spec is wrong; nothing is recorded then.
        Refused: If opened test rows would become development rows; nothing is recorded then.
    """
    ledger = _checked(submission)().ledger
    release(ledger)
    return ledger.name


def submit_detached(submission: Submission) -> DetachedRun:
    """Open a search, and leave it to a process that outlives this one and its terminal.

    Returns:
        The process, which holds the search.

    Raises:
        UserError: If an argument or the spec is wrong; nothing has started then.
        Refused: If opened test rows would become development rows; nothing has started then.
        HpoError: If the process ended before it held the search; it can be resumed.
    """
    name = hold_search(submission)
    return start_detached(submission.home, name, submission.options)


def submit_job(submission: Submission) -> ClusterJob:
    """Record a search, and leave it to a job of the cluster that ``RAY_API_SERVER_ADDRESS`` names.

    Its code, and the data that its spec names by a path in its own folder, go there through the store.

    Returns:
        The job, which holds the search.

    Raises:
        UserError: If an argument or the spec is wrong, or no job server answers; nothing is recorded then.
        Refused: If opened test rows would become development rows; nothing is recorded then.
        HpoError: If the job ended before it held the search; it can be resumed.
    """
    place = JobPlace.of_environment(submission.home)
    ledger = _checked(submission, place)().ledger
    release(ledger)
    return start_job(place, submission.home, ledger.name, submission.options)


def _checked(submission: Submission, job: JobPlace | None = None) -> Callable[[], SearchRun]:
    """Make every check that can refuse the search; return what records its first events.

    Args:
        submission: The search.
        job: Where it will run; None for this machine.
    """
    spec, home, name = submission.spec, submission.home, submission.name
    home.create()
    disk_space.require_disk_space(home)
    silence = Target.of(home).silence()
    require_store()
    store = LedgerStore.of(home)
    if name is not None:
        store.refuse_name(name)
    address = submission.options.address or os.environ.get("RAY_ADDRESS") or None
    if address or not job:
        require_capacity(spec, address)
    elif nodes := job.server.nodes():
        require_room(spec, nodes, job.server.address)
    warm_start = warm_start_of(spec, home)
    dataset, stray = new_dataset_of(spec.data, spec.base, home, anew=bool(submission.new_split))
    moved = moved_rows(spec, home, dataset.prepared, stray)
    if moved and not submission.new_split:
        raise Refused(refusal_of_split(moved))
    accepted = [f"{sentence}; accepted with --new-split: {submission.new_split}" for sentence in moved]
    warnings = [*accepted, *([silence] if silence else []), *data_warnings(spec, dataset)]
    leaks = find_dataset_leaks(spec.data, spec.base, dataset, near=True)
    refuse_overlap(spec.data, leaks)
    files = job_files(spec) if job else code_files(spec)
    if job:
        require_store_for(files)
        spec = spec.moved_to(folder_of(job.home, files))
    code = code_kept_in_store(files, for_job=bool(job))

    def open_run() -> SearchRun:
        ledger = open_search(
            store, spec, dataset, name, submission.tags, leaks, warnings, warm_start, submission.options
        )
        ledger.append([code] if code else [])
        if spec.written:
            create_folder(home.search(ledger.name))
            replace_file(home.search(ledger.name).submitted, spec.written)
        return SearchRun(home, spec, dataset, ledger, report=keep_report)

    return open_run


def open_search(
    store: LedgerStore,
    spec: SearchSpec,
    dataset: SplitDataset,
    name: str | None,
    tags: Mapping[str, str],
    leaks: Leaks | None = None,
    warnings: Sequence[str] = (),
    warm_start: WarmStartReport = NOTHING_REPORTED,
    options: RunOptions = DEFAULTS,
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
        options: How it is run; a process that takes it over runs it the same way.
    """
    split = dataset.facts(spec.finalists.fresh, spec.finalists.seeds)
    overlap = {"overlap": leaks.train_test} if leaks and leaks.stops and leaks.train_test else {}
    opened = SearchOpened(
        spec.document,
        spec.digest,
        split | overlap,
        versions(spec.trainable, spec.base),
        dict(tags),
        warm_start.warm_start.to_json(),
        code_digests(spec.trainable, spec.base),
        source_code=own_digests(spec.data.source, spec.base),
        leaks=leaks.to_json() if leaks else {},
        about=described(spec, dataset, (leaks.telling, leaks.removed) if leaks else ("", 0.0)),
        hardware=hardware(gpus=spec.resources.gpus > 0),
        user=user_name(),
    )
    home = Home.at(dataset.prepared.folder.parent.parent)
    openings = known_openings_of(spec.data, dataset.prepared, spec.base, home)
    ledger = store.create(spec.name, opened, name, partial(take_new, options))
    texts = [warning_of(openings)] if openings else []
    texts += leaks.findings() if leaks else []
    texts += [*warnings, *warm_start.notes, *spec.warnings, *dataset.prepared.warnings]
    ledger.append([Warned(text) for text in texts])
    return ledger
