"""Reading searches: their state, their trials as tables, and what trials printed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.estimates import ScoreEstimates
from hpo.core.events import Reported, TrialEnded, TrialStarted
from hpo.core.formatting import count
from hpo.core.history import History
from hpo.core.home import Home, SearchFolder
from hpo.core.json_values import JsonFields
from hpo.core.outcome import Outcome, Watcher, WinnerSummary, outcome_of, winner_of
from hpo.core.record import Recorded
from hpo.core.training_state import Training
from hpo.ledger.searches import open_ledger, read_history
from hpo.ledger.store import SearchLedger
from hpo.spec import SearchSpec, parse_spec
from hpo.tracking import mirror_progress
from hpo.tracking.target import Target
from hpo.use_cases.accounting.files import numbers_of
from hpo.use_cases.follow import follow_search
from hpo.use_cases.search.holding import is_running

if TYPE_CHECKING:
    import pandas as pd

    from hpo.reports.figures import Plots
    from hpo.tracking.model_registry import RegisteredModel
    from hpo.use_cases.predict import Predictions


class Search:
    """One search, read from its record."""

    def __init__(self, home: Home, ledger: SearchLedger):
        self._ledger = ledger
        self.home = home
        self.name = ledger.name
        self.history = read_history(ledger)

    @property
    def folder(self) -> SearchFolder:
        """Folder of its files."""
        return self.home.search(self.name)

    @property
    def spec(self) -> SearchSpec:
        """The spec on record."""
        assert self.history.opened is not None
        return parse_spec(self.history.opened.spec, source=self.name)

    @property
    def status(self) -> str:
        """``running``, ``interrupted`` (its process died), or how it ended."""
        return status_of(self.history, self.home, self.name)

    @property
    def recipe_path(self) -> str:
        """File of the winner's recipe; empty if it was not written."""
        exported = self.history.exported
        return str(self.home.root / exported.path) if exported else ""

    @property
    def is_elsewhere(self) -> bool:
        """Whether it ran elsewhere: it has a recipe, and this home does not have its file."""
        return bool(self.recipe_path) and not Path(self.recipe_path).exists()

    @property
    def numbers(self) -> ScoreEstimates | None:
        """The best single score and its estimates without luck; None until the account is written."""
        return numbers_of(self.name, home=self.home) if self.history.winner else None

    @property
    def tracking_behind(self) -> int:
        """Number of events that MLflow does not show yet."""
        return mirror_progress.load_progress(self.folder).behind(self.history.seq)

    @property
    def paused_bytes(self) -> int:
        """Disk space that the checkpoints of paused trials take."""
        from hpo.running.checkpoints import files_of

        folder = self.folder.checkpoints
        files = [path for trial in self.history.paused for path in files_of(folder, trial.key)]
        return sum(path.stat().st_size for path in files if path.exists())

    def __repr__(self) -> str:
        """Return name, state and number of trials."""
        trials = count(len(self.history.trials), "trial")
        return f"<Search {self.name}: {self.status.replace('_', ' ')}, {trials}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: how it stands, its winner, its scores."""
        from hpo.reports.notebook import card

        return card(self.outcome())

    def best(self) -> WinnerSummary | None:
        """Return the winner; None until there is one."""
        return winner_of(self.history)

    def outcome(self) -> Outcome:
        """Return how the search stands."""
        path = "" if self.is_elsewhere else self.recipe_path
        return outcome_of(self.name, self.history, path, self.numbers)

    def watch(self, watcher: Watcher | None = None) -> Outcome:
        """Follow the search until it ends and return how it ended; ``Ctrl-C`` leaves it running.

        Args:
            watcher: Receives every event; by default a notebook shows the progress below the cell, and
                elsewhere every event of interest is a line on standard error.
        """
        from hpo.reports.notebook import watcher_here
        from hpo.reports.plain_lines import PlainLines

        watcher = watcher or watcher_here(str) or PlainLines(sys.stderr)
        watcher.begin(self.name)
        for recorded in self.events():
            watcher.event(recorded, self.history)
        return replace(self.outcome(), status=self.status)

    def events(self) -> Iterator[Recorded]:
        """Yield every event from the first, and new ones until the search ends; `history` follows them."""
        for recorded, history in follow_search(self.name, self.home):
            self.history = history
            yield recorded

    def predict(
        self,
        data: str | Path | NDArray[Any] | pd.DataFrame | Sequence[JsonFields],
        *,
        again: str = "",
    ) -> Predictions:
        """Predict new data with the model that was tested, as ``hpo predict`` does.

        Args:
            data: A folder of images, a ``.csv`` or ``.parquet`` table, an ``.npy`` file, a ``.jsonl`` file of
                items, an array [n, ...], a pandas DataFrame, or items that are mappings.
            again: Why rows of a test part are predicted although the files hold their labels; empty to
                refuse that.

        Raises:
            Refused: If labelled rows of a test part would be predicted without a reason.
            UserError: If the search has no recipe yet, or the data is not of the kind it was trained on.
        """
        from hpo.use_cases.predict import predict_file, rows_as_file

        if not self.recipe_path:
            raise UserError(f"{self.name} has no recipe yet; it is written when the search has ended")
        if isinstance(data, str | Path):
            return predict_file(Path(self.recipe_path), Path(data), home=self.home, again=again)
        with rows_as_file(data) as file:
            return predict_file(Path(self.recipe_path), file, home=self.home, again=again)

    def open_test(self, *, again: str = "", changed_code: bool = False) -> Outcome:
        """Score the winner on the test part, once, as ``hpo test`` does.

        Args:
            again: Why the test part is opened although the same data was opened for another search; empty
                to refuse that.
            changed_code: Whether to score with training code that has changed since; recorded.

        Raises:
            Refused: If it was scored before, the same data was opened before, the code has changed, or
                another process runs the search.
            UserError: If the search has no winner or no test part.
        """
        from hpo.use_cases.open_test import open_test_part

        outcome = open_test_part(self.name, home=self.home, again=again, changed_code=changed_code)
        self.history = read_history(self._ledger)
        return outcome

    def register_model(self, model: str = "") -> RegisteredModel:
        """Register the shipped model in MLflow's model registry, as ``hpo export --to mlflow`` does.

        Args:
            model: Name of the registered model; empty for the search's experiment.

        Raises:
            UserError: If there is no shipped model yet, or MLflow does not accept the name.
            HpoError: If MLflow cannot be reached.
        """
        from hpo.use_cases.export_model import export_to_mlflow

        return export_to_mlflow(self.name, home=self.home, model=model)

    def trials(self) -> pd.DataFrame:
        """Return every training as a row, with its state, value, epochs, seconds and parameters.

        Replicate 0 is the trial itself; 1, 2, ... are finalists on fresh seeds.
        """
        import pandas as pd

        return pd.DataFrame([_row(training) for training in self.history.trainings.values()])

    def curves(self) -> pd.DataFrame:
        """Return every epoch of every training as a row, with its metrics as columns."""
        import pandas as pd

        rows = [
            {"trial": r.trial, "replicate": r.replicate, "epoch": r.epoch, "seconds": r.seconds, **r.metrics}
            for r in self.reports()
        ]
        return pd.DataFrame(rows)

    def reports(self) -> Iterator[Reported]:
        """Yield every epoch of every training, in the order in which they were reported."""
        for recorded in self._ledger.read(kinds=[Reported]):
            if isinstance(recorded.event, Reported):
                yield recorded.event

    def times(self) -> tuple[dict[int, float], dict[int, float]]:
        """Return when each trial of the search phase started, and when it ended, in Unix seconds."""
        started: dict[int, float] = {}
        ended: dict[int, float] = {}
        for recorded in self._ledger.read(kinds=[TrialStarted, TrialEnded]):
            event, kept = recorded.event, ended if isinstance(recorded.event, TrialEnded) else started
            if isinstance(event, TrialStarted | TrialEnded) and not event.replicate:
                kept[event.trial] = recorded.time
        return started, ended

    @property
    def plot(self) -> Plots:
        """Plots of the search: `history`, `curves`, `importance`, `slices`, `parallel`, `honest`, `rungs`."""
        from hpo.reports.figures import Plots
        from hpo.use_cases.report import search_view

        return Plots(lambda: search_view(self._ledger, home=self.home))

    def report(self, out: str | os.PathLike[str] | None = None) -> Path:
        """Write the search as one HTML page and return its path; also while it runs.

        Args:
            out: File to write; None for ``SEARCH-report.html`` in the working folder.

        Raises:
            UserError: If the file cannot be written.
        """
        from hpo.use_cases.report import write_report

        return write_report(self.name, home=self.home, out=Path(out) if out else None)


def _row(training: Training) -> dict[str, object]:
    return {
        "trial": training.trial,
        "replicate": training.replicate,
        "split": training.split,
        "state": training.end.value if training.end else "running",
        "cause": training.cause.value if training.cause else None,
        "value": training.value,
        "epochs": training.epoch,
        "seconds": training.seconds,
        **training.point,
    }


def status_of(history: History, home: Home, name: str) -> str:
    """Return how a search stands; ``interrupted`` if its process died without recording an end.

    It is ``submitted`` if no process has begun it yet.
    """
    if history.status == "running" and not is_running(home, name):
        return "interrupted" if history.workers or history.trainings else "submitted"
    return history.status


def server_page(name: str, home: Home) -> str:
    """Return the address of a search's page on a tracking server; empty if none has it."""
    target, page = Target.of(home), mirror_progress.load_progress(home.search(name)).page
    return f"{target.shown.rstrip('/')}/{page}" if target.is_server and page else ""


def load_search(name: str, home: Home) -> Search:
    """Read one search.

    Raises:
        UserError: If there is no search of that name.
    """
    return Search(home, open_ledger(name, home))
