"""Where everything of a user's searches lies: one value names every path."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hpo.core.errors import DiskFull, UserError, is_full


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds ledger, tracking store, data, checkpoints and exports.

    Attributes:
        root: Absolute path of the folder.
    """

    root: Path

    @classmethod
    def at(cls, path: str | os.PathLike[str] | None = None) -> Home:
        """The home at a path, at ``HPO_HOME``, or at ``.hpo`` in the working folder."""
        return cls(Path(path or os.environ.get("HPO_HOME") or ".hpo").expanduser().absolute())

    def create(self) -> Home:
        """Make the folder, readable by its owner alone, and return the home.

        Raises:
            UserError: If it cannot be made, is no folder of the user's, or holds something else that
                others may read: they would be shut out of it.
            DiskFull: If there is no room for it.
        """
        try:
            self.root.mkdir(0o700, parents=True, exist_ok=True)  # closed from its first moment
            if self._is_shared():
                raise UserError(
                    f"--home {self.root}: is open to others and holds other things; name a folder that is "
                    "new or empty, because a home is its owner's alone"
                )
            self.root.chmod(0o700)
        except OSError as error:
            if is_full(error):
                raise DiskFull("the home cannot be made", self.root) from error
            raise UserError(f"--home {self.root}: cannot be used: {error.strerror}") from error
        if not os.access(self.root, os.W_OK):
            raise UserError(f"--home {self.root}: cannot be written to")
        return self

    def _is_shared(self) -> bool:
        """Whether others may look into the folder, and what lies there is no home."""
        return bool(self.root.stat().st_mode & 0o077) and any(self.root.iterdir()) and not self.is_used

    @property
    def is_used(self) -> bool:
        """Whether a search was ever put on record in it."""
        return os.path.isfile(self.ledger)  # which holds for any text, however odd

    @property
    def ledger(self) -> Path:
        """The ledger's database file."""
        return self.root / "ledger.db"

    @property
    def tracking(self) -> Path:
        """MLflow's database file, where no tracking server is named."""
        return self.root / "mlflow.db"

    @property
    def artifacts(self) -> Path:
        """MLflow's artifact folder, where no tracking server is named."""
        return self.root / "artifacts"

    def data(self, fingerprint: str) -> Path:
        """The development part of a data set, as arrays that workers map into memory."""
        return self.root / "data" / fingerprint[:32]

    def search(self, name: str) -> SearchFolder:
        """The folder of one search."""
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
        """Files from which unfinished trials go on."""
        return self.root / "checkpoints"

    @property
    def weights(self) -> Path:
        """Weights of the finalists' trainings."""
        return self.root / "weights"

    @property
    def logs(self) -> Path:
        """What trials printed, one file each."""
        return self.root / "logs"

    @property
    def lock(self) -> Path:
        """Held by the process that runs the search."""
        return self.root / "lock"

    @property
    def stop_request(self) -> Path:
        """Exists once someone asked the search to stop."""
        return self.root / "stop"

    @property
    def recipe(self) -> Path:
        """The exported recipe of the winner."""
        return self.root / "recipe.yaml"

    @property
    def account(self) -> Path:
        """The whole story of the search on a page; ``account.json`` lies beside it."""
        return self.root / "account.txt"
