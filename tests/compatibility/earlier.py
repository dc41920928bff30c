"""A home written by an earlier version: how it is unpacked, queried, read and compared.

Commands run as a user runs them and databases are read as files, so that nothing here depends on
how the modules are called today.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ARCHIVE = HERE / "home.tar.xz"
EXPECTED = HERE / "expected"
SOURCES = HERE / "sources"

WRITTEN_AT = Path("/tmp/earlier-home")
"""Folder where the home was written; expected outputs contain it instead of the unpacked folder."""

PROSE = frozenset(
    {
        "diff",
        "error",
        "message",
        "new",
        "notes",
        "old",
        "reason",
        "reasons",
        "saved",
        "values",
        "warnings",
        "why",
    }
)
"""JSON keys with texts for people: tests check that they exist, not their wording."""

CLOSE = 1e-9
"""Accepted relative difference of computed numbers between processors."""

SEARCHES = ("digits", "plain", "table", "race", "warm", "interrupted", "ablation")

READS: dict[str, tuple[str, ...]] = {
    "list": ("list",),
    "ledger": ("ledger",),
    **{f"status-{name}": ("status", name) for name in SEARCHES},
    **{f"account-{name}": ("account", name) for name in SEARCHES},
    "best-digits": ("best", "digits"),
    "best-interrupted": ("best", "interrupted"),
    "refine-digits": ("refine", "digits"),
    "refine-plain": ("refine", "plain"),
    "export-digits": ("export", "digits"),
    "ablation": ("ablate", "ablation"),
}
"""Commands that only read, and under which name their JSON is kept."""

EXPORTED = ("digits", "plain", "table", "race", "warm", "ablation")
"""Searches that ended in a recipe; the files written then are in their folders."""

ADDED = ("BaselinesScored", "TestDescribed", "ValidationRowsUsed")
"""Kinds of events that later versions record besides."""

VARYING = frozenset({"by", "seconds", "versions"})
"""Fields of events that differ from one run to the next."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A home with its register and the users' files, unpacked into a folder.

    Attributes:
        root: The folder: ``home``, ``sources`` and ``register.db`` are in it.
    """

    root: Path

    @classmethod
    def unpacked(cls, root: Path) -> Earlier:
        """Unpack the fixture, and have the specs on record name the folder their files are in now.

        A spec on record names its folder absolutely, and a search of a user's own files needs it.
        """
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(root, filter="data")
        earlier = cls(root)
        (root / "home").chmod(0o700)
        with closing(sqlite3.connect(earlier.ledger)) as ledger, ledger:
            change = "UPDATE events SET body = replace(body, ?, ?) WHERE kind = 'SearchOpened'"
            ledger.execute(change, (str(WRITTEN_AT), str(root)))
        return earlier

    @property
    def ledger(self) -> Path:
        """The database of events."""
        return self.root / "home" / "ledger.db"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command on this home, in the folder of the users' files."""
        unset = ("HPO_HOME", "MLFLOW_TRACKING_URI", "RAY_ADDRESS")
        kept = {name: value for name, value in os.environ.items() if name not in unset}
        variables = {"HPO_REGISTER": str(self.root / "register.db"), "LOGNAME": "earlier", "TZ": "UTC"}
        return subprocess.Popen(
            [sys.executable, "-m", "hpo.cli.main", "--home", str(self.root / "home"), *arguments],
            cwd=self.root / "sources",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**kept, **variables, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Return exit code, output and errors of a command, with the home's original folder."""
        process = self.start(*arguments)
        out, err = map(self.as_written, process.communicate(timeout=280))
        return process.returncode, out, err

    def ask(self, *arguments: str) -> dict[str, Any]:
        """Exit code of a command and its JSON; what it prints while it runs is left out."""
        code, out, err = self.run("--json", *arguments)
        assert out, err
        whole = out if arguments[0] == "export" else out.splitlines()[-1]
        return {"exit_code": code, "json": json.loads(whole)}

    def as_written(self, text: str) -> str:
        """A text that names the folder in which the home was written, not the one where it is."""
        return text.replace(str(self.root), str(WRITTEN_AT))

    def events(self, search: str) -> list[tuple[int, float, str, str]]:
        """Every event of a search as it is on record: place, time, kind and body."""
        query = """
            SELECT seq, time, kind, body FROM events JOIN searches ON searches.id = events.search
            WHERE searches.name = ? ORDER BY seq
        """
        with closing(sqlite3.connect(self.ledger)) as ledger:
            return ledger.execute(query, (search,)).fetchall()

    def decisions(self, search: str, after: int = 0) -> list[list[Any]]:
        """Kind and fields of each event, without what differs from one run to the next.

        How often a training writes a checkpoint depends on how busy the disk is.
        """
        events = [(kind, self.as_written(body)) for _, _, kind, body in self.events(search)[after:]]
        return [
            [kind, {name: value for name, value in json.loads(body).items() if name not in VARYING}]
            for kind, body in events
            if kind not in ("Checkpointed", "Warned", *ADDED)
        ]


def layout(database: Path) -> list[list[str]]:
    """Name and definition of everything that a database is made of."""
    query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
    with closing(sqlite3.connect(database)) as opened:
        return [[name, " ".join(sql.split())] for name, sql in opened.execute(query)]


def expected(name: str) -> Any:
    """An output that is kept as JSON."""
    return json.loads((EXPECTED / f"{name}.json").read_text())


def differences(found: Any, kept: Any, at: str = "", close: float = CLOSE) -> Iterator[str]:
    """Where two JSON values differ, sentences for people aside."""
    if isinstance(kept, dict) and isinstance(found, dict):
        # A later version may add keys; those of an earlier one stay, in their order.
        if [key for key in found if key in kept] != list(kept):
            yield f"{at}: keys {list(found)}, once {list(kept)}"
        for key in kept.keys() & found.keys():
            if key not in PROSE or not _is_text(kept[key]) or not _is_text(found[key]):
                yield from differences(found[key], kept[key], f"{at}.{key}", close)
    elif isinstance(kept, list) and isinstance(found, list):
        if len(found) != len(kept):
            yield f"{at}: {len(found)} items, once {len(kept)}"
        for n, (now, once) in enumerate(zip(found, kept, strict=False)):
            yield from differences(now, once, f"{at}[{n}]", close)
    elif isinstance(kept, float) and isinstance(found, float):
        same = math.isclose(found, kept, rel_tol=close, abs_tol=close) or (
            math.isnan(found) and math.isnan(kept)
        )
        if not same:
            yield f"{at}: {found!r}, once {kept!r}"
    elif type(found) is not type(kept) or found != kept:
        yield f"{at}: {found!r}, once {kept!r}"


def _is_text(value: Any) -> bool:
    """Whether a value is a sentence or a list of some."""
    return isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(each, str) for each in value)
    )
