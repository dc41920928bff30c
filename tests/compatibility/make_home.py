"""Write the fixture: the home, and the answers of the code of that day.

Run once, by version 0.1.0 before its modules were renamed: ``python -m tests.compatibility.make_home``
on a machine with the registered packages. Run it again only for a new layout, beside this one.
"""

from __future__ import annotations

import json
import lzma
import shutil
import signal
import sqlite3
import sys
import tarfile
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from tests.compatibility.earlier import (
    ARCHIVE,
    EXPECTED,
    READS,
    SOURCES,
    WRITTEN_AT,
    Earlier,
)
from tests.compatibility.questions import VERIFIED, predicted, resumed, verified


def main() -> None:
    """Write the archive, then the expected outputs from a copy that was unpacked elsewhere."""
    if WRITTEN_AT.exists():
        sys.exit(f"{WRITTEN_AT} exists; take it away first")
    shutil.copytree(SOURCES, WRITTEN_AT / "sources")
    np.save(
        WRITTEN_AT / "sources" / "new_digits.npy",
        (load_digits().images[:5] * 255 / 16).round().astype("uint8"),
    )
    search(Earlier(WRITTEN_AT))
    pack()
    with tempfile.TemporaryDirectory() as folder:
        record(Earlier.unpacked(Path(folder)))


def search(earlier: Earlier) -> None:
    """Run every search of the fixture."""
    for name in ("digits", "plain", "table"):
        _done(earlier, "submit", f"{name}.yaml", "--name", name, "--tag", "purpose=fixture")
    _done(earlier, "submit", "race.yaml", "--name", "race", "--no-test")
    _done(earlier, "submit", "warm.yaml", "--name", "warm", "--no-test")
    recipe = str(earlier.root / "recipe.yaml")
    _done(earlier, "export", "digits", "--out", recipe)
    components = ("--components", "schedule,preprocessing")
    _done(earlier, "ablate", recipe, "--seeds", "2", *components, "--name", "ablation")
    interrupt(earlier)


def interrupt(earlier: Earlier) -> None:
    """End a search by Ctrl-C while its second trial is under way."""
    process = earlier.start("submit", "interrupted.yaml", "--name", "interrupted", "--no-test")
    while process.poll() is None:
        time.sleep(0.01)
        with suppress(sqlite3.OperationalError):
            if any(kind == "Reported" and body["trial"] for kind, body in earlier.decisions("interrupted")):
                break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130, process.returncode
    assert list((WRITTEN_AT / "home" / "searches" / "interrupted" / "checkpoints").glob("1-0-*"))


def pack() -> None:
    """Pack everything that was written, closed databases and all."""
    for database in (WRITTEN_AT / "home" / "ledger.db", WRITTEN_AT / "home" / "mlflow.db"):
        with closing(sqlite3.connect(database)) as opened:
            opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            opened.execute("VACUUM")
    with tarfile.open(ARCHIVE, "w:xz", preset=9 | lzma.PRESET_EXTREME) as archive:
        for path in sorted(each for each in WRITTEN_AT.rglob("*") if "__pycache__" not in each.parts):
            archive.add(path, path.relative_to(WRITTEN_AT), recursive=False, filter=_anonymous)


def record(earlier: Earlier) -> None:
    """Write the answer to every question."""
    shutil.rmtree(EXPECTED, ignore_errors=True)
    EXPECTED.mkdir()
    for name, arguments in READS.items():
        _write(name, earlier.ask(*arguments))
    for name in VERIFIED:
        _write(f"verify-{name}", verified(earlier, name))
    for name in ("digits", "table", "race"):
        _write(f"predict-{name}", predicted(earlier, name))
    _write("resumed", resumed(earlier))


def _done(earlier: Earlier, *arguments: str) -> None:
    code, out, err = earlier.run(*arguments)
    print(out, err, flush=True)
    assert code == 0, code


def _write(name: str, value: Any) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False)
    (EXPECTED / f"{name}.json").write_text(text + "\n")


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    main()
