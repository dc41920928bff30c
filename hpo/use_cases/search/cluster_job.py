"""A search as a job of a Ray cluster: the process that runs it is on the head, and the record says how it is.

The job runs ``hpo service run SEARCH``. Ray keeps its state for as long as the head lives and no longer, so
nothing here asks it whether the search is done.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shlex
import time
from dataclasses import dataclass

from hpo.core.errors import HpoError, Refused, UserError
from hpo.core.events import JobSubmitted, SearchResumed
from hpo.core.home import LEDGER, Home
from hpo.core.profile import JOB_HOME, JOBS, VARIABLES
from hpo.ledger.leases import VARIABLE as LEASE
from hpo.ledger.searches import open_ledger, opened_of
from hpo.ledger.store import SearchLedger
from hpo.running.job_server import SUCCEEDED, JobServer
from hpo.use_cases.search.holding import await_expiry
from hpo.use_cases.search.run_options import RunOptions

PASSED = (
    *(VARIABLES[field] for field in ("ledger", "store", "tracking", "register", "price_per_gpu_hour")),
    LEASE,
)
"""Environment variables that a job takes over; none of them holds a password."""

STOP_SECONDS = 60
"""Seconds between the signal that stops a job and its end, in which trials write checkpoints."""

PATIENCE = 180.0
"""Seconds in which a job has to take its search up: it starts a process, imports and reads data."""

POLL = 0.5
"""Seconds between two looks at the record."""


@dataclass(frozen=True, slots=True)
class JobPlace:
    """Where jobs run.

    Attributes:
        server: The cluster's job server.
        home: Path on the cluster of the home of searches that run as jobs.
        session: The cluster's session, which is another one after each start of its head.
    """

    server: JobServer
    home: str
    session: str

    @classmethod
    def of_environment(cls, home: Home) -> JobPlace:
        """Return what ``RAY_API_SERVER_ADDRESS`` and ``HPO_JOB_HOME`` name, as a profile sets them.

        Args:
            home: Home of this machine, whose ledger the job needs to reach.

        Raises:
            UserError: If one of them is missing, the ledger is a file of the home, or no job server answers.
        """
        job_home = os.environ.get(JOB_HOME, "").strip()
        lacking = [
            f"{name}, {meaning}"
            for name, meaning, value in (
                (LEDGER, "the address of a ledger that the cluster reaches", home.database),
                (JOBS, "http://HOST:PORT of the cluster's job server", os.environ.get(JOBS)),
                (JOB_HOME, "a path from / on that its nodes share", job_home.startswith("/")),
            )
            if not value
        ]
        if lacking:
            raise UserError(f"--job needs {'; '.join(lacking)}; a profile sets them: hpo profile add --help")
        server = JobServer(os.environ[JOBS].strip())
        return cls(server, job_home.rstrip("/"), server.session())


@dataclass(frozen=True, slots=True)
class ClusterJob:
    """A job that runs a search.

    Attributes:
        search: Name of the search.
        job: Id of the job, as `ray job logs` takes it.
        server: Address of the job server.
        idle: Whether it has ended without running anything, because the search was done.
    """

    search: str
    job: str
    server: str
    idle: bool = False


def start_job(place: JobPlace, home: Home, name: str, options: RunOptions) -> ClusterJob:
    """Run a recorded search, or what is left of it, as a job.

    Args:
        place: Where.
        home: A home with the search's ledger.
        name: Name of the search.
        options: Choices about this run.

    Returns:
        The job, after it has taken the search up, or has ended because the search was done.

    Raises:
        UserError: If there is no such search, or it is one of a home that the cluster does not have.
        Refused: If another process runs it.
        HpoError: If the job ends before it has taken the search up, or does not do so in time.
    """
    ledger = open_ledger(name, home)
    base = str(opened_of(ledger).spec.get("base") or "")
    if not base.startswith(f"{place.home}/"):
        raise UserError(f"{name} was not submitted with --job for {place.home}; its files are in {base}")
    await_expiry(ledger)
    begun = list(ledger.read(kinds=[SearchResumed]))
    job = _submitted(place, ledger, len(begun) + 1, options)
    runs = _is_taken_up(place.server, job, ledger, after=begun[-1].seq if begun else 0)
    return ClusterJob(name, job, place.server.address, idle=not runs)


def _submitted(place: JobPlace, ledger: SearchLedger, attempt: int, options: RunOptions) -> str:
    """Submit the next job of a search, which is on record before; return its id.

    An id holds the number of the attempt. One that exists is the same submission, made a second time after
    its answer was lost, if it has the same labels and is not over; after one that is over a letter is added.
    """
    name = ledger.name
    command = shlex.join(["hpo", "service", "run", name, *options.to_command_line()])
    variables = {variable: os.environ[variable] for variable in PASSED if os.environ.get(variable)}
    variables |= {"HPO_HOME": place.home, "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS)}
    content = json.dumps([command, variables], sort_keys=True).encode()
    labels = {"session": place.session, "digest": hashlib.sha256(content).hexdigest()}
    for further in itertools.count():
        job = f"hpo-{name}-{attempt}" + (f".{further}" if further else "")
        planned = JobSubmitted(job, place.server.address, place.session, labels["digest"])
        if planned not in [recorded.event for recorded in ledger.read(kinds=[JobSubmitted])]:
            ledger.append([planned])
        if place.server.start(job, command, variables, labels):
            return job
        state = place.server.state(job)
        if state is not None and not state.has_ended:
            if state.labels == labels:
                return job
            raise Refused(f"the job {job} exists and runs with other options; `hpo stop {name}` stops it")
    raise AssertionError("there is always a further number")


def _is_taken_up(server: JobServer, job: str, ledger: SearchLedger, after: int) -> bool:
    """Wait until a job has taken its search up, or has ended well because the search was done."""
    deadline = time.monotonic() + PATIENCE
    while not any(ledger.read(after=after, kinds=[SearchResumed])):
        state = server.state(job)
        if state is not None and state.status == SUCCEEDED:
            return False
        if state is None or state.has_ended:
            reason = server.last_line(job) or (state.message if state else "its head was started again")
            raise HpoError(f"the job {job} ended at once: {reason}").of_search(ledger.name)
        if time.monotonic() > deadline:
            waited = f"did not begin within {PATIENCE:.0f} s; it may still begin"
            raise HpoError(f"the job {job} is {state.status} and {waited}").of_search(ledger.name)
        time.sleep(POLL)
    return True
