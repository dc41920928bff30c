"""Running a search to its end: train, select, unseal, export, with everything on record."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from hpo.core.errors import HpoError, Interrupted, Refused
from hpo.core.events import SearchEnded, TestRefused, WorkersReady
from hpo.core.history import History
from hpo.core.home import Home, SearchFolder
from hpo.core.outcome import Outcome, Watcher, outcome_of
from hpo.core.shipped_model import all_trained, members_of
from hpo.core.warm_start import WarmStart
from hpo.ledger.searches import read_history
from hpo.ledger.store import SearchLedger
from hpo.running.conductor import Conductor
from hpo.running.ray_session import ray_session
from hpo.spec import SearchSpec
from hpo.use_cases.accounting.files import numbers_of, write_account
from hpo.use_cases.dataset.split_dataset import SplitDataset
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.model.evaluation import evaluate
from hpo.use_cases.model.members import fix_model
from hpo.use_cases.model.repair import damaged_weights, repair
from hpo.use_cases.model.winning_recipe import write_recipe
from hpo.use_cases.search import assembly, disk_space
from hpo.use_cases.search.gpus import usable_gpus
from hpo.use_cases.search.mirror_process import mirror_running
from hpo.use_cases.search.notifier import Notifier
from hpo.use_cases.search.signals import Signals

LOOK_SECONDS = 0.5
"""How often a running search looks for a request to stop."""


@dataclass(frozen=True)
class SearchRun:
    """A search that this process holds.

    Attributes:
        home: Where it lies.
        spec: What was asked.
        material: Its data.
        ledger: Its record.
        since: Sequence number of the last event that is old news to who looks on.
    """

    home: Home
    spec: SearchSpec
    material: SplitDataset
    ledger: SearchLedger
    since: int = 0

    @property
    def folder(self) -> SearchFolder:
        """Its files."""
        return self.home.search(self.ledger.name)

    def to_end(self, *, unseal: bool, again: str = "", address: str | None, watch: Watcher | None) -> Outcome:
        """Train what is left to train, then select, unseal and export.

        Raises:
            Interrupted: If a signal ended it.
            HpoError: If it cannot go on; it can be resumed once the reason is gone.
        """
        signals = Signals()
        try:
            with signals.heard():
                self._run(signals, unseal, again, address, watch)
        except HpoError as error:
            error.search = self.ledger.name
            raise
        outcome = self._outcome()
        if signals.received is not None and outcome.status == "stopped":
            raise Interrupted(self.ledger.name, signals.received)
        return outcome

    def _run(
        self, signals: Signals, unseal: bool, again: str, address: str | None, watch: Watcher | None
    ) -> None:
        """Everything there is to do, with how it ended on record."""
        told = Notifier(watch, self.ledger, self.spec.objective, self.since)
        told.catch_up()
        try:
            self.folder.stop_request.unlink(missing_ok=True)
            look = StopRequest(self.home, self.folder, signals)
            with disk_space.full_disk_reported(self.home), mirror_running(self.home, self.ledger, look.asked):
                history = self._train(look, address, told)
                self._conclude(history, look, unseal, again)
        except HpoError as error:
            with suppress(HpoError):  # a full disk takes no last word either
                self.ledger.append([SearchEnded("failed", str(error))])
            raise
        finally:
            told.catch_up()

    def _train(self, look: StopRequest, address: str | None, told: Notifier) -> History:
        """Train what the record lacks, up to a winner."""
        history = read_history(self.ledger)
        if all_trained(history) or look.asked():
            return history
        spec, need = self.spec, self.spec.resources
        address = address or os.environ.get("RAY_ADDRESS")
        cpus, gpus = float(assembly.local_cpus()), usable_gpus(spec) if not address else 0.0
        with ExitStack() as stack:
            slots = max(cpus, need.cpus * (need.trials_at_once or 1))
            session = stack.enter_context(ray_session(address, slots, gpus, self.home.root))
            from hpo.running.ray_runner import RayRunner

            workers = assembly.workers_of(spec, session.cpus, session.gpus)
            warmth = WarmStart.of_json(history.opened.warmth if history.opened else {})
            plan, searcher = assembly.plan_of(spec, workers, warmth), assembly.searcher_of(spec, warmth)
            self.ledger.append([WorkersReady(workers, need.gpus)])
            told.catch_up()
            conductor = Conductor(plan, self.ledger, searcher, watch=told.event)
            conductor.replay(self.ledger.read())
            place = assembly.workplace_of(spec, self._staging(), self.folder)

            def tend() -> None:
                if look.now_and_then():
                    conductor.stop()

            RayRunner(place, workers, need.cpus, need.gpus, session, tend).run(conductor)
        return conductor.history

    def _staging(self) -> DataStaging:
        data = self.material
        finalists = self.spec.finalists
        splits = data.splits(finalists.fresh, finalists.seeds)
        return DataStaging.of(
            self.spec.trainable, self.spec.base, data.prepared.folder, splits, self.folder.root
        )

    def _conclude(self, history: History, look: StopRequest, unseal: bool, again: str) -> None:
        if not all_trained(history):
            self.ledger.append([SearchEnded("stopped")])
            return
        if history.winner is None:
            self.ledger.append([SearchEnded("no_trial_succeeded", _why_none(history))])
            return
        history = fix_model(self.ledger)
        self._mend(history)
        if unseal and self.material.prepared.test is not None and history.score is None:
            if look.asked():  # who stops a search may have had second thoughts, and this cannot be undone
                self.ledger.append([SearchEnded("stopped")])
                return
            self._unseal(again)
        write_recipe(self.home, self.spec, self.ledger)
        write_account(self.ledger.name, home=self.home, status="done")
        self.ledger.append([SearchEnded("done")])

    def _mend(self, history: History) -> None:
        """Have the model's weights be those on record, before anything is done with them."""
        members = members_of(history)
        for key, why in damaged_weights(members, self.folder).items():
            plan = assembly.plan_of(self.spec, workers=1)
            place = assembly.workplace_of(self.spec, self._staging(), self.folder)
            repair(history.trainings[key], why, plan, place, self.ledger)
        claim, model = history.claim, history.model
        if claim and model and history.score and claim.sha256 != model.digest:
            raise Refused("the test part was scored for weights that a damaged ledger lost; submit anew")

    def _unseal(self, again: str) -> None:
        """Score the winner; a refusal by the test-use register is on record and ends nothing."""
        before = read_history(self.ledger).seq
        try:
            evaluate(self.home, self.ledger.name, again)
        except Refused:
            if not list(self.ledger.read(after=before, kinds=[TestRefused])):
                raise

    def _outcome(self) -> Outcome:
        history = History.of(self.ledger.read(), self.spec.objective)
        path = history.exported.path if history.exported else ""
        numbers = numbers_of(self.ledger.name, home=self.home)
        return outcome_of(self.ledger.name, history, str(self.home.root / path) if path else "", numbers)


class StopRequest:
    """Looks whether a signal or another process asked the search to stop, or the disk fills up."""

    def __init__(self, home: Home, folder: SearchFolder, signals: Signals):
        self._home = home
        self._path = folder.stop_request
        self._signals = signals
        self._next = 0.0

    def asked(self) -> bool:
        """Whether the search was asked to stop."""
        return self._signals.received is not None or self._path.exists()

    def now_and_then(self) -> bool:
        """Look for a signal each time, and now and then for the file and for room on the disk.

        Raises:
            HpoError: If there is hardly room left; what is on record by then is safe.
        """
        now = time.monotonic()
        if now < self._next:
            return self._signals.received is not None
        self._next = now + LOOK_SECONDS
        disk_space.require_disk_space(self._home, disk_space.TO_GO_ON)
        return self.asked()


def _why_none(history: History) -> str:
    causes: dict[str, int] = {}
    messages: dict[str, str] = {}
    for trial in history.trials:
        name = trial.cause.value if trial.cause else "unknown"
        causes[name] = causes.get(name, 0) + 1
        messages.setdefault(name, trial.message)
    counted = ", ".join(f"{count} x {cause}" for cause, count in causes.items()) or "no trial was started"
    shown = "".join(f"\n{cause}: {message}" for cause, message in messages.items())
    return f"no trial produced a usable model ({counted}){shown}"
