"""What a node has of a home that it does not see: data, splits and code, from the team's store."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hpo.core.errors import HpoError, UserError
from hpo.core.file_digest import name_of_files
from hpo.core.home import SearchFolder
from hpo.core.store import Store
from hpo.data import prepared
from hpo.running.environment import TrainingEnvironment
from hpo.running.home_files import HomeFiles, patiently
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.model.weights_check import WeightsCheck
from hpo.use_cases.search.fetched_folder import fetch_folder

CACHE = "HPO_NODE_CACHE"
"""Environment variable of a node: folder for copies from the store; by default in its temporary folder."""

READ = (
    prepared.MANIFEST,
    prepared.INPUTS,
    prepared.TARGETS,
    prepared.GROUPS,
    prepared.TIMES,
    prepared.ORIGINALS,
    prepared.ORIGINAL_INDEX,
    prepared.IN_PLACE,
)
"""The files of prepared data that a training reads; what is known of the test part leaves no home."""

Bundles = Mapping[str, Mapping[str, str]]
"""``data``, ``splits`` and ``code``, each with the SHA-256 of its files."""


@dataclass(frozen=True)
class NodeCopy:
    """The `hpo.running.environment.HomeCopy` of a search; can be sent to another process.

    Attributes:
        address: The store.
        prefix: Names of the search's files in the store begin with it.
        staging: Opens trainable and data in the home.
        code: The user's own code, by the path in the folder that it is imported from.
        bundles: What is in the store; empty before.
    """

    address: str
    prefix: str
    staging: DataStaging
    code: Mapping[str, Path]
    bundles: Bundles = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether data and code are in the store."""
        return bool(self.bundles)

    def store(self) -> Store:
        """Open the store.

        Raises:
            UserError: If the address is not one of a store.
        """
        return open_store(self.address)

    def uploaded(self, folder: SearchFolder) -> NodeCopy:
        """Put data, code and the checkpoints in the home into the store; return the copy that is ready.

        Args:
            folder: Folder of the search.

        Raises:
            HpoError: If the store cannot be written.
            OSError: If a file cannot be read.
        """
        store, staging = self.store(), self.staging
        data = {name: path for name in READ if (path := staging.data / name).is_file()}
        splits = {path.name: path for path in staging.splits.glob("*.npy")}
        bundles = {
            kind: {name: _kept(store, path) for name, path in files.items()}
            for kind, files in (("data", data), ("splits", splits), ("code", self.code))
        }
        files = HomeFiles(folder, self.store, self.prefix)
        for path in sorted(folder.checkpoints.glob("*.safetensors")):
            with suppress(FileNotFoundError):  # its training has ended
                patiently(functools.partial(store.save, path, files.name_of(path)))
        return replace(self, bundles=bundles)

    def localized(self, environment: TrainingEnvironment) -> TrainingEnvironment:
        """Fetch data and code to this node, unless they are here; return the environment that uses them.

        Raises:
            HpoError: If they cannot be had.
        """
        root = node_cache()
        try:
            folders = {
                kind: fetch_folder(self.store, digests, root / kind / name_of_files(digests), cached=True)
                for kind, digests in self.bundles.items()
            }
            folder = SearchFolder(root / self.prefix)
            folder.root.mkdir(parents=True, exist_ok=True)
            marker = folder.root / ".seen"
            marker.touch()
        except OSError as error:
            raise HpoError(
                f"{root} cannot be written: {error.strerror or error}; {CACHE} names another folder"
            ) from error
        staging = replace(self.staging, base=folders["code"], data=folders["data"], splits=folders["splits"])
        check: Any = environment.check
        if isinstance(check, WeightsCheck):
            check = replace(check, staging=staging)
        require = staging.require_code if environment.require_code else None
        return replace(
            environment,
            open=staging,
            folder=folder,
            marker=marker,
            require_code=require,
            check=check,
            apart=True,
        )


def node_cache() -> Path:
    """Return the folder of this node for copies from stores, which only its user can change.

    Raises:
        UserError: If it belongs to somebody else.
        HpoError: If it cannot be made.
    """
    named = os.environ.get(CACHE)
    root = Path(named or f"{tempfile.gettempdir()}/hpo-cache-{os.geteuid()}").absolute()
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = root.stat()
    except OSError as error:
        raise HpoError(f"{root} cannot be made: {error.strerror}; {CACHE} names another folder") from error
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise UserError(f"{root} can be changed by other users; {CACHE} names another folder")
    return root


def _kept(store: Store, path: Path) -> str:
    """Put a file into a store, under its digest, and return that."""
    return patiently(functools.partial(store.put, path)).sha256


@functools.cache
def open_store(address: str) -> Store:
    """Open a store, once in a process."""
    from hpo.storage.file_store import FileStore

    return FileStore(address)
