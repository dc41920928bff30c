"""Running a search to its end: train, select, unseal, export, with everything on record."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from hpo.core.detail_events import VALIDATION
from hpo.core.errors import ClusterLost, HpoError, Interrupted, LeaseLost, NoCluster, Refused
from hpo.core.events import (
    RecipeExported,
    SearchEnded,
    SearchResumed,
    TestRefused,
    Warned,
    WorkersReady,
)
from hpo.core.history import History
from hpo.core.home import Home, SearchFolder
from hpo.core.outcome import Outcome, Watcher
from hpo.core.profile import STORE
from hpo.core.search_shortfall import shortfall, why_none_succeeded
from hpo.core.shipped_model import all_trained, members_of
from hpo.core.warm_start import WarmStart
from hpo.ledger.searches import read_history
from hpo.ledger.store import SearchLedger
from hpo.running.checkpoints import remove_drafts
from hpo.running.conductor import Conductor
from hpo.running.ray_session import ray_session
from hpo.running.start_turns import StoppedWaiting
from hpo.spec import SearchSpec
from hpo.spec.fields import AT_END
from hpo.use_cases.accounting.files import write_account
from hpo.use_cases.accounting.validation_baselines import baselines_of_validation
from hpo.use_cases.dataset.code_check import changes_of_search
from hpo.use_cases.dataset.split_dataset import SplitDataset
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.model.evaluation import evaluate
from hpo.use_cases.model.members import fix_model
from hpo.use_cases.model.repair import damaged_weights, repair
from hpo.use_cases.model.validation_uses import use_counted
from hpo.use_cases.model.winning_recipe import write_recipe
from hpo.use_cases.search import assembly, disk_space
from hpo.use_cases.search.capacity import local_cpus
from hpo.use_cases.search.changed_code_check import complaint_of_changed_code
from hpo.use_cases.search.ending import recorded_outcome, tell_end
from hpo.use_cases.search.gpus import usable_gpus
from hpo.use_cases.search.holding import SearchHold
from hpo.use_cases.search.mirror_process import mirror_running
from hpo.use_cases.search.notifier import Notifier
from hpo.use_cases.search.request_inbox import RequestInbox
from hpo.use_cases.search.run_options import RunOptions
from hpo.use_cases.search.search_share import SearchShare
from hpo.use_cases.search.signals import Signals
from hpo.use_cases.search.stop_request import StopRequest
from hpo.use_cases.search.stored_files import kept_in_store
from hpo.use_cases.search.stored_home import bring_home, copy_of, forget_stored


@dataclass(frozen=True)
class SearchRun:
    """A search that this process holds.

    Attributes:
        home: Home of the search.
        spec: Its spec.
        dataset: Its data.
        ledger: Its record.
        since: The state of which the watcher knows; None for a new search.
        report: Writes the report page that MLflow shows, just before the search ends; None for no page.
        hold: By which this process holds the search; None for a search that nobody else can run.
    """

    home: Home
    spec: SearchSpec
    dataset: SplitDataset
    ledger: SearchLedger
    since: History | None = None
    report: Callable[[Home, SearchLedger, str], None] | None = None
    hold: SearchHold | None = None

    @property
    def folder(self) -> SearchFolder:
        """Folder of the search."""
        return self.home.search(self.ledger.name)

    def to_end(
        self,
        signals: Signals,
        options: RunOptions,
        watch: Watcher | None,
    ) -> Outcome:
        """Run the remaining trainings, then select, unseal and export.

        Args:
            signals: Signals received since the search was opened or resumed.
            options: Choices about this run.
            watch: Receives every event.

        Raises:
            Interrupted: If a signal stopped it.
            LeaseLost: If another process has taken it over.
            HpoError: If it cannot continue; it can be resumed after the problem is solved.
        """
        try:
            self._run(signals, options, watch)
        except LeaseLost:
            raise
        except HpoError as error:
            error.search = self.ledger.name
            raise
        outcome = recorded_outcome(self.home, self.ledger)
        if signals.received is not None and outcome.status == "stopped":
            raise Interrupted(self.ledger.name, signals.received)
        return outcome

    def _run(self, signals: Signals, options: RunOptions, watch: Watcher | None) -> None:
        """Run the search and record how it ended."""
        notifier = Notifier(watch, self.ledger, self.spec.objective, self.since)
        notifier.catch_up()
        try:
            self.folder.stop_request.unlink(missing_ok=True)
            stop_request = StopRequest(self.home, self.ledger, signals, self.hold)
            mirrored = mirror_running(self.home, self.ledger, stop_request.received)
            counted = use_counted(self.spec, self.dataset, self.ledger)
            with disk_space.full_disk_reported(self.home), mirrored, counted:
                history = self._train(stop_request, options.address, notifier, options.unseal)
                self._conclude(history, stop_request, options)
                tell_end(self.home, self.spec, self.ledger)
        except (ClusterLost, NoCluster) as error:  # no end: it goes on when the cluster is back
            with suppress(HpoError):
                self.ledger.append([Warned(str(error))])
            raise
        except HpoError as error:
            with suppress(HpoError):  # a full disk cannot take this event either
                self.ledger.append([SearchEnded("failed", str(error))])
                tell_end(self.home, self.spec, self.ledger)
            raise
        finally:
            notifier.catch_up()

    def _train(
        self, stop_request: StopRequest, address: str | None, notifier: Notifier, unseal: bool
    ) -> History:
        """Run the trainings that the record lacks, up to a winner."""
        history = read_history(self.ledger)
        if all_trained(history) or stop_request.asked():
            return history
        spec, need = self.spec, self.spec.resources
        address = address or os.environ.get("RAY_ADDRESS")
        gpus = usable_gpus(spec) if not address else 0.0
        ray = ray_session(
            address, local_cpus(), gpus, notifier.waiting, self._last_words(), stop_request.asked
        )
        with suppress(StoppedWaiting), ray as session:
            from hpo.running.ray_runner import RayRunner

            workers = assembly.workers_of(spec, session)
            warm_start = WarmStart.of_json(history.opened.warmth if history.opened else {})
            plan = assembly.plan_of(spec, workers, warm_start)
            searcher = assembly.searcher_of(spec, warm_start)
            self.ledger.append([WorkersReady(workers, need.gpus)])
            notifier.catch_up()
            conductor = Conductor(plan, self.ledger, searcher, watch=notifier.event)
            conductor.replay(self.ledger.read())
            sealed = not (unseal and spec.test == AT_END)
            attempt = 1 if self.hold is None else self.hold.attempt
            first = len(conductor.history.trials)
            staging = self._staging()
            copy = copy_of(spec, staging, self.ledger.name, history)
            environment = assembly.environment_of(spec, staging, self.folder, sealed, attempt, first, copy)
            handled, stop = stop_request.before, self.folder.stop_request.touch
            inbox = RequestInbox(self.ledger, handled, spec, session, conductor, stop)

            def on_turn() -> None:
                if stop_request.poll():
                    conductor.stop()
                inbox.poll(runner)

            most = need.trials_at_once if session.monitor else workers
            share = SearchShare(self.ledger, session.pool, conductor.history)
            runner = RayRunner(environment, most, need.needs, session, on_turn, notifier.waiting, share)
            with share:
                runner.run(conductor)
            history = conductor.history
        return history

    def _last_words(self) -> str:
        """Return what is said if Ray ends this process, which does not pass through Python."""
        command = f"hpo --home {shlex.quote(str(self.home.root))} resume {self.ledger.name}"
        return (
            "hpo ended before its search did; Ray ends a process whose node in the cluster is lost. "
            f"`{command}` continues the search"
        )

    def _staging(self) -> DataStaging:
        return assembly.staging_of(self.spec, self.dataset, self.folder, read_history(self.ledger).code)

    def _end(self, status: str, message: str = "") -> None:
        """Record the end of the search, after its files are in the team's store."""
        remove_drafts(self.folder.checkpoints)
        address = os.environ.get(STORE)
        if address:
            self.ledger.append([kept_in_store(address, self.folder, read_history(self.ledger))])
        self.ledger.append([SearchEnded(status, message)])
        if status == "done":
            forget_stored(self.ledger.name, read_history(self.ledger))

    def _conclude(self, history: History, stop_request: StopRequest, options: RunOptions) -> None:
        bring_home(self.folder, self.ledger.name, history)
        if not all_trained(history):
            self._end("stopped")
            return
        if history.winner is None:
            self._end("no_trial_succeeded", why_none_succeeded(history))
            return
        if VALIDATION not in history.baselines:
            baselines = baselines_of_validation(self.spec, self.dataset, history, self.folder.weights)
            self.ledger.append([baselines])
        history = fix_model(self.ledger)
        self._repair(history)
        sealed = ""
        unseals = options.unseal and (self.spec.test == AT_END or history.claim is not None)
        if unseals and self.dataset.prepared.test is not None and history.score is None:
            if stop_request.asked():  # opening the test part cannot be undone
                self.ledger.append([SearchEnded("stopped")])
                return
            lacking = self._lacking(history)
            if lacking:
                sealed = f"the test part stays sealed, because {lacking}"
                self.ledger.append([Warned(sealed)])
            elif not self._unseal(options.again, stop_request.asked):
                self.ledger.append([SearchEnded("stopped")])
                return
        write_recipe(self.home, self.spec, self.ledger)
        write_account(self.ledger, home=self.home, status="done")
        self._write_report("done")
        self._end("done", sealed)

    def _write_report(self, status: str) -> None:
        """Write the report page, unless that of a search that was done before still holds.

        A fault in it is a warning, since the result is complete without it.
        """
        if self.report is None or (self.folder.report.exists() and self._was_done()):
            return
        try:
            self.report(self.home, self.ledger, status)
        except (OSError, HpoError):
            raise
        except Exception as error:
            self.ledger.append(
                [Warned(f"the report page could not be written: {type(error).__name__}: {error}")]
            )

    def _was_done(self) -> bool:
        """Return whether the search was done before, and has only been resumed and exported since."""
        before = self.since
        if before is None or before.ended is None or before.ended.status != "done":
            return False
        same = SearchResumed | RecipeExported  # no trial is left that could make it another recipe
        return all(isinstance(new.event, same) for new in self.ledger.read(after=before.seq))

    def _lacking(self, history: History) -> str:
        """Return why the test part must not be opened yet; empty if it may."""
        changed = changes_of_search(self.spec, history)
        if changed:
            return (
                f"the code has changed since the trials were trained: {', '.join(changed)}; put it back, or "
                f"`hpo test {self.ledger.name} --changed-code` accepts the change"
            )
        if history.claim is not None:
            return ""
        return shortfall(history) or complaint_of_changed_code(
            self.spec, self._staging(), self.folder, self.ledger
        )

    def _repair(self, history: History) -> None:
        """Make sure that the model's weights are those on record, before they are used."""
        members = members_of(history)
        for key, reason in damaged_weights(members, self.folder).items():
            plan = assembly.plan_of(self.spec, workers=1)
            environment = assembly.environment_of(self.spec, self._staging(), self.folder)
            repair(history.trainings[key], reason, plan, environment, self.ledger)
        claim, model = history.claim, history.model
        if claim and model and history.score and claim.sha256 != model.digest:
            raise Refused(
                "the test part was scored for weights lost with a damaged ledger; submit a new search"
            )

    def _unseal(self, again: str, stop: Callable[[], bool]) -> bool:
        """Score the winner; if the test-use register refuses, that is on record and not an error.

        Returns:
            False if the search was asked to stop before the test part was claimed.
        """
        before = read_history(self.ledger).seq
        try:
            return evaluate(self.home, self.ledger.name, again, self.ledger.epoch, stop)
        except Refused:
            if not list(self.ledger.read(after=before, kinds=[TestRefused])):
                raise
        return True
