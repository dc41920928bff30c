"""The time that `hpo list` takes over many searches.

    python -m benchmarks.list_searches [--searches 1000] [--events 1000] [--url URL] [--folder DIR]

One search that ended and one that was interrupted in a training are written as searches are, and copied.
Then the list is read several times, and the command is run, which adds the start of Python. The ledger is
the database at URL, postgresql://..., or an SQLite file in a new folder in DIR. Wall time, and CPU time.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from hpo.core.events import End, Event, Reported, SearchEnded, SearchOpened, TrialEnded, TrialStarted
from hpo.core.home import Home
from hpo.ledger import tables
from hpo.ledger.store import LedgerStore

SPEC = {"objective": {"metric": "loss", "mode": "min", "at": "best"}, "resources": {"cpus": 1.0}}
EPOCHS = 8
REPEATS = 5


def story(events: int, *, ends: bool) -> Iterator[Event]:
    """Yield the events of a search after its first one."""
    for number in range(events - 2):
        trial, epoch = divmod(number, EPOCHS + 2)
        if epoch == 0:
            yield TrialStarted(trial, 0, {"rate": 0.1}, {"rate": 0.1}, trial, "sampler")
        elif epoch <= EPOCHS:
            yield Reported(trial, 0, epoch, {"validation/loss": 1 / epoch, "train/loss": 0.5}, 0.25)
        else:
            yield TrialEnded(trial, 0, End.FINISHED, EPOCHS, 1 / EPOCHS)
    yield SearchEnded("done") if ends else Reported(0, 0, EPOCHS, {"validation/loss": 0.1}, 0.25)


def fill(store: LedgerStore, searches: int, events: int) -> None:
    """Write two searches as searches are written, and copy them in the database."""
    ledgers = []
    for ends in (True, False):
        ledger = store.create("listed", SearchOpened(SPEC, "", {}, {}, {"team": "a"}, user="anna"))
        ledger.append(list(story(events, ends=ends)))
        ledgers.append(ledger)
    with ledgers[0].engine.begin() as connection:
        for number in range(2, searches):
            original = ledgers[number % 2].number
            connection.execute(tables.searches.insert().values(id=number + 1, name=f"copy-{number}"))
            for table in (tables.events, tables.summaries):
                others = [column for column in table.c if column.name != "search"]
                copied = sa.select(sa.literal(number + 1), *others).where(table.c.search == original)
                names = ["search", *(column.name for column in others)]
                connection.execute(table.insert().from_select(names, copied))


def listed(home: Path, url: str) -> None:
    """Print how long the list takes, in this process and as a command."""
    from hpo.use_cases.listing import list_searches

    for _ in range(REPEATS):
        began, used = time.perf_counter(), time.process_time()
        found = list_searches(Home.at(home))
        spent, used = time.perf_counter() - began, time.process_time() - used
        print(f"list of {len(found):,} searches: {spent:.3f} s, of CPU {used:.3f} s", flush=True)
    words = [sys.executable, "-m", "hpo.cli.main", "--home", str(home), "list"]
    environment = {**os.environ, **({"HPO_LEDGER": url} if url else {})}
    for _ in range(REPEATS):
        began, used = time.perf_counter(), cpu_of_children()
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=environment)
        spent, used = time.perf_counter() - began, cpu_of_children() - used
        print(f"hpo list: {spent:.3f} s, of CPU {used:.3f} s", flush=True)


def cpu_of_children() -> float:
    """Return the seconds of CPU that ended child processes have used."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Fill a ledger and time its list."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--searches", type=int, default=1000)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--url", default="")
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        home = Home.at(folder).create()
        if args.url:
            os.environ["HPO_LEDGER"] = args.url
        store = LedgerStore(args.url) if args.url else LedgerStore.at(home.ledger)
        fill(store, args.searches, args.events)
        store.close()
        listed(home.root, args.url)


if __name__ == "__main__":
    main()
