"""The folder of a user's searches: one value gives every path in it."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from hpo.core.errors import DiskFull, UserError, is_full
from hpo.core.private_files import require_own

LEDGER = "HPO_LEDGER"
"""Environment variable: address of a team's ledger, ``postgresql://...``."""


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds ledger, tracking store, data, checkpoints and exports.

    Attributes:
        root: Absolute path of the folder.
        database: Address of the ledger that a team shares; empty for the home's own file.
    """

    root: Path
    database: str = field(default="", repr=False)

    @classmethod
    def at(cls, path: str | os.PathLike[str] | None = None) -> Home:
        """Return the home at a path, at ``HPO_HOME``, or at ``.hpo`` in the working folder.

        Its searches are on record in the database that ``HPO_LEDGER`` names, otherwise in a file of its own.

        Raises:
            UserError: If there is a home that somebody else owns or can write to.
        """
        root = Path(path or os.environ.get("HPO_HOME") or ".hpo").expanduser().absolute()
        home = cls(root, os.environ.get(LEDGER, "").strip())
        if home.is_used:
            require_own(home.root)
        return home

    def create(self) -> Home:
        """Create the folder, readable by its owner only, and return the home.

        Raises:
            UserError: If it cannot be created, is not the user's folder, or contains something else
                that others can read and would lose access to.
            DiskFull: If the disk is full.
        """
        if self.is_used:
            require_own(self.root)
        try:
            self.root.mkdir(0o700, parents=True, exist_ok=True)  # never open to others, not even for a moment
            if self._is_shared():
                raise UserError(
                    f"--home {self.root}: it contains other files and other users can read it; choose "
                    "a new or empty folder, because only its owner may read a home"
                )
            self.root.chmod(0o700)
        except OSError as error:
            if is_full(error):
                raise DiskFull("the home cannot be created", self.root) from error
            raise UserError(f"--home {self.root}: cannot be used: {error.strerror}") from error
        if not os.access(self.root, os.W_OK):
            raise UserError(f"--home {self.root}: cannot be written to")
        return self

    def command(self, words: str) -> str:
        """Return what to type in a shell like this one to run a command on this home."""
        usual = Path(os.environ.get("HPO_HOME") or ".hpo").expanduser().absolute()
        return f"hpo {words}" if self.root == usual else f"hpo --home {shlex.quote(str(self.root))} {words}"

    def _is_shared(self) -> bool:
        """Return whether the folder is readable by others and contains something other than a home."""
        return bool(self.root.stat().st_mode & 0o077) and any(self.root.iterdir()) and not self._has_files

    @property
    def _has_files(self) -> bool:
        """Whether the folder has been a home before; another may be an arbitrary folder."""
        return os.path.isfile(self.ledger) or bool(self.database and (self.root / "searches").is_dir())

    @property
    def is_used(self) -> bool:
        """Whether it has a ledger."""
        return bool(self.database) or os.path.isfile(self.ledger)  # does not raise for an invalid path

    @property
    def ledger(self) -> Path:
        """The ledger's database file."""
        return self.root / "ledger.db"

    @property
    def tracking(self) -> Path:
        """MLflow's database file, used if no tracking server is set."""
        return self.root / "mlflow.db"

    @property
    def artifacts(self) -> Path:
        """MLflow's artifact folder, used if no tracking server is set."""
        return self.root / "artifacts"

    def data(self, fingerprint: str) -> Path:
        """Return the folder of a data set's development part, arrays that workers map into memory."""
        return self.root / "data" / fingerprint[:32]

    def cut(self, fingerprint: str) -> Path:
        """Return the file that says which rows of a data set are its test part."""
        return self.root / "cuts" / f"{fingerprint[:32]}.npz"

    def health(self, digest: str) -> Path:
        """Return the file with what `hpo try` and `hpo preflight` found for a spec."""
        return self.root / "health" / f"{digest[:32]}.json"

    def search(self, name: str) -> SearchFolder:
        """Return the folder of one search."""
        return SearchFolder(self.root / "searches" / name)


@dataclass(frozen=True, slots=True)
class SearchFolder:
    """Files of one search.

    Attributes:
        root: Absolute path of the folder.
    """

    root: Path

    @property
    def checkpoints(self) -> Path:
        """Files from which unfinished trials continue."""
        return self.root / "checkpoints"

    @property
    def weights(self) -> Path:
        """Weights of the finalists' trainings."""
        return self.root / "weights"

    @property
    def logs(self) -> Path:
        """Output of the trials, one file per training."""
        return self.root / "logs"

    @property
    def lock(self) -> Path:
        """Lock file of the process that runs the search."""
        return self.root / "lock"

    @property
    def stop_request(self) -> Path:
        """Exists after a request to stop the search."""
        return self.root / "stop"

    @property
    def recipe(self) -> Path:
        """The exported recipe of the winner."""
        return self.root / "recipe.yaml"

    @property
    def submitted(self) -> Path:
        """The spec as the user wrote it, with its comments."""
        return self.root / "submitted.yaml"

    @property
    def report(self) -> Path:
        """The report page, as MLflow shows it."""
        return self.root / "report.html"

    @property
    def diagnosis(self) -> Path:
        """What `hpo diagnose` found."""
        return self.root / "diagnosis.json"

    @property
    def account(self) -> Path:
        """The account of the search as text; ``account.json`` is beside it."""
        return self.root / "account.txt"
