"""What lies in a home, with its size, and the removal of what nothing needs any more.

Kept in any case: the record, cuts, recipes, accounts, the weights of a model, and whatever a search that can
still be continued would read. Data is kept while a search of the home was made with it.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from hpo.core.errors import Refused
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.json_values import JsonObject
from hpo.core.private_files import refuse_links, require_own
from hpo.core.shipped_model import members_of
from hpo.ledger.searches import open_ledger, read_history
from hpo.ledger.store import LedgerStore
from hpo.use_cases.search.holding import held, is_running

RECENT = 3600.0
"""Seconds since data was last read, within which a search may be about to start on it."""

DATA, READING, CHECKPOINTS = "data", "interrupted reading of data", "checkpoints"
WEIGHTS, LOGS = "weights", "logs"


@dataclass(frozen=True)
class Holding:
    """Files of a home that are needed, or not, together.

    Attributes:
        kind: What they are: data, checkpoints, weights, logs, or what an interrupted reading left.
        search: The search that they belong to; empty for data.
        needed: What needs them; empty if nothing does.
        size: Bytes.
        paths: The files and folders.
    """

    kind: str
    search: str
    needed: str
    size: int
    paths: tuple[Path, ...] = field(repr=False)

    def to_json(self) -> JsonObject:
        """Return it as a JSON value."""
        paths = [str(path) for path in self.paths]
        return {
            "kind": self.kind,
            "search": self.search,
            "needed": self.needed,
            "size": self.size,
            "paths": paths,
        }


def holdings(home: Home, name: str | None = None, *, logs: bool = False) -> list[Holding]:
    """Return what lies in a home, largest first.

    Args:
        home: The home.
        name: A search, for its files alone; None for those of all searches and the data.
        logs: Whether the logs of searches that have ended are not needed either.

    Raises:
        UserError: If there is no such search, or somebody else owns the home.
    """
    if not home.is_used and name is None:
        return []
    require_own(home.root)
    if name is not None:
        open_ledger(name, home)  # refuses a search that does not exist
    histories = _histories(home)
    wanted = {name: histories[name]} if name is not None else histories
    removable = [
        part for search, history in wanted.items() for part in _of_search(home, search, history, logs)
    ]
    if name is None:
        removable += [*_data(home, histories), *_interrupted(home)]
    return sorted((part for part in removable if part.paths), key=lambda part: -part.size)


def remove(home: Home, unneeded: Sequence[Holding], *, logs: bool = False) -> int:
    """Remove what nothing needs, and return how many bytes that freed.

    What has come to be needed since it was listed, and files of a search that a process runs now, stay.

    Args:
        home: The home.
        unneeded: Some of what `holdings` returned.
        logs: As for `holdings`.
    """
    freed = 0
    for search in dict.fromkeys(part.search for part in unneeded):
        listed = {path for part in unneeded if part.search == search for path in part.paths}
        with suppress(Refused):
            freed += _remove_of(home, search, listed, logs)
    return freed


def _remove_of(home: Home, search: str, listed: set[Path], logs: bool) -> int:
    if not search:
        parts = [*_data(home, _histories(home)), *_interrupted(home)]
        return _delete([part for part in parts if not part.needed], listed)
    folder, ledger = home.search(search), open_ledger(search, home)
    with held(home, ledger):
        refuse_links(home.root, folder.root)
        history = read_history(ledger)
        parts = list(_of_search(home, search, history, logs, ours=True))
        return _delete([part for part in parts if not part.needed], listed)


def _delete(parts: Sequence[Holding], listed: set[Path]) -> int:
    freed = 0
    for path in (path for part in parts for path in part.paths if path in listed):
        freed += _size(path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return freed


def _histories(home: Home) -> dict[str, History]:
    store = LedgerStore.of(home)
    return {name: read_history(store.open(name)) for name in store.names()}


def _of_search(home: Home, name: str, history: History, logs: bool, ours: bool = False) -> Iterator[Holding]:
    """Yield the files of a search; ``ours`` if this process holds it."""
    folder = home.search(name)
    running = not ours and is_running(home, name)
    continuable = _continuable(history)
    reason = "the search is running" if running else f"resume {name}" if continuable else ""
    yield _holding(CHECKPOINTS, name, reason, _files(folder.checkpoints))
    model = {Path(training.weights).name for training in members_of(history)} if history.model else set()
    examples = {Path(training.examples).name for training in history.trainings.values() if training.examples}
    files = _files(folder.weights)
    shipped = [path for path in files if path.name in model]
    rows = [path for path in files if path.name in examples - model]
    others = [path for path in files if path.name not in model | examples]
    yield _holding(f"{WEIGHTS} of the model", name, f"test, export and predict of {name}", shipped)
    yield _holding("scores of rows", name, f"account and test of {name}", rows)
    unfixed = reason or ("" if history.model else f"the model of {name} is not fixed")
    yield _holding(f"{WEIGHTS} of other trainings", name, unfixed, others)
    kept = "the search is running" if running else "" if logs and history.ended else f"logs {name}"
    yield _holding(LOGS, name, kept, _files(folder.logs))


def _continuable(history: History) -> bool:
    """Return whether `hpo resume` can still train: until the test part of an ended search was opened."""
    return history.ended is None or not (history.claim is not None or history.predictions)


def _data(home: Home, histories: Mapping[str, History]) -> Iterator[Holding]:
    used: dict[Path, list[str]] = {}
    for name, history in histories.items():
        fingerprint = str(history.opened.split.get("data", "")) if history.opened else ""
        used.setdefault(home.data(fingerprint), []).append(name)
    for folder in _files(home.root / "data"):
        if folder.name.startswith(".") or not (folder / "manifest.json").exists():
            continue
        searches = used.get(folder, [])
        recent = time.time() - folder.stat().st_mtime < RECENT
        reason = f"resume, verify and account of {', '.join(searches)}" if searches else ""
        yield _holding(DATA, "", reason or ("it was read within the last hour" if recent else ""), [folder])


def _interrupted(home: Home) -> Iterator[Holding]:
    """Yield what readers left that were killed: folders whose lock nobody holds, and old temporary ones."""
    locks = home.root / "data" / ".locks"
    for folder in _files(home.root / "data"):
        if folder.name.startswith(".partial-"):
            reason = (
                "the data is being read" if _is_held(locks / folder.name.removeprefix(".partial-")) else ""
            )
        elif folder.name.startswith((".near-", ".sign-", ".again-")):
            recent = time.time() - folder.stat().st_mtime < RECENT
            reason = "the data may be being read" if recent else ""
        else:
            continue
        yield _holding(READING, "", reason, [folder])


def _is_held(lock: Path) -> bool:
    if not lock.exists():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True


def _holding(kind: str, search: str, needed: str, paths: Sequence[Path]) -> Holding:
    return Holding(kind, search, needed, sum(map(_size, paths)), tuple(paths))


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder; links are not followed."""
    if path.is_dir() and not path.is_symlink():
        return sum(_size(Path(entry.path)) for entry in os.scandir(path))
    with suppress(OSError):
        return path.lstat().st_size
    return 0
