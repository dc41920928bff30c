"""Write a search to MLflow from its record: after an outage, or into an empty store."""

from __future__ import annotations

from filelock import Timeout

from hpo.core.errors import HpoError, Refused, UserError
from hpo.core.home import Home
from hpo.ledger.searches import open_ledger
from hpo.tracking import mirror_progress
from hpo.tracking.mirror_progress import MirrorProgress
from hpo.tracking.run_changes import ExperimentDeleted, Unreachable
from hpo.tracking.target import Target
from hpo.use_cases.search.mirror_process import mirror_of, writer_lock


def mirror_search(name: str, *, home: Home, restore: bool = False) -> int:
    """Bring MLflow up to date with a search; nothing is written twice.

    Args:
        name: The search's name.
        home: Home of the search.
        restore: Whether an experiment that was deleted in MLflow comes back.

    Returns:
        Number of events that MLflow now shows.

    Raises:
        UserError: If there is no such search, or its experiment was deleted in MLflow.
        Refused: If the search is running, and so does this itself.
        HpoError: If MLflow cannot be reached.
    """
    ledger = open_ledger(name, home)
    try:
        folder = home.search(name)
        with writer_lock(folder):
            mirror = mirror_of(home, ledger, restore=restore)
            position = mirror.catch_up()
            mirror.attach([file for file in (folder.report, folder.diagnosis) if file.is_file()])
            mirror_progress.save_progress(folder, MirrorProgress(position, page=mirror.page))
            return position
    except Timeout as error:
        raise Refused(f"{name} is running and keeps MLflow up to date itself") from error
    except ExperimentDeleted as error:
        command = home.command(f"service mirror {name} --restore")
        raise UserError(f"{error}; `{command}` restores it") from error
    except Unreachable as error:
        raise HpoError(f"MLflow at {Target.of(home).shown} cannot be reached: {error}") from error
