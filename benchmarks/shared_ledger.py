"""What a commit costs where many searches share a ledger in PostgreSQL.

    python -m benchmarks.shared_ledger [URL] [--searches 20] [--rate 10] [--seconds 20]

Each search is a process that commits reports at a rate, on a schedule that a slow commit does not shift (open
loop). First 1,000 commits of one search in direct succession, then one search alone at the rate, then all
together; the median and 95th percentile of a commit in milliseconds,
and the ratio of the medians. Without a URL, a private server is started that flushes every commit
(synchronous_commit=on, fsync=on), in the folder for temporary files, where the time of a flush is measured
before and after.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from hpo.core.events import Reported, SearchOpened
from hpo.ledger.leases import SearchLease
from hpo.ledger.search_ledger import SearchLedger
from hpo.ledger.store import LedgerStore
from tests.ledger import postgresql

PAGE = b"0" * 8192


def commits(url: str, rate: float, seconds: float, begin: float) -> list[float]:
    """Commit reports of a search of its own, as its driver does, and return the seconds of each commit."""
    with opened(url) as ledger:
        spent = []
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, begin + number / rate - time.time()))
            spent.append(one_commit(ledger, number))
    return spent


@contextlib.contextmanager
def opened(url: str) -> Iterator[SearchLedger]:
    """Open a search with a lease, as its driver does."""
    store = LedgerStore(url)
    ledger = store.create("shared", SearchOpened({}, "", {}, {}))
    SearchLease(ledger, f"process;{ledger.name}", 3600.0).take("{}")
    yield ledger
    store.close()


def one_commit(ledger: SearchLedger, number: int) -> float:
    """Commit a report; return the seconds that it took."""
    began = time.perf_counter()
    ledger.append([Reported(0, 0, number, {"validation/loss": 0.5, "train/loss": 0.4}, 1.0)])
    return time.perf_counter() - began


def in_succession(url: str, times: int = 1000) -> None:
    """Print the cost of commits one directly after the other, and the client's CPU time."""
    with opened(url) as ledger:
        one_commit(ledger, 0)
        used = time.process_time()
        spent = statistics.median(1e3 * one_commit(ledger, number) for number in range(1, times + 1))
        used = 1e3 * (time.process_time() - used) / times
    print(f"in succession: median {spent:.2f} ms, of which {used:.2f} ms CPU of this process", flush=True)


def measured(url: str, searches: int, rate: float, seconds: float) -> float:
    """Print the cost of a commit with a number of searches, and return its median in milliseconds."""
    with ProcessPoolExecutor(searches, mp_context=get_context("spawn")) as pool:
        begin = time.time() + 5 + searches / 4
        running = [
            pool.submit(commits, url, rate, seconds, begin + k / searches / rate) for k in range(searches)
        ]
        spent = sorted(1e3 * each for run in running for each in run.result())
    median = statistics.median(spent)
    print(
        f"{searches} searches: median {median:.2f} ms, 95 % {spent[int(0.95 * len(spent))]:.2f} ms",
        flush=True,
    )
    return median


@contextlib.contextmanager
def private_server() -> Iterator[str]:
    """Start a server that flushes every commit; yield the URL of a database."""
    programs = postgresql.binaries()
    if programs is None:
        raise SystemExit("PostgreSQL is not installed; name a database")
    with postgresql.running(programs, durable=True) as server:
        print(f"a flush alone: median {flush_ms():.2f} ms", flush=True)
        yield server.new_database()
        print(f"a flush alone: median {flush_ms():.2f} ms", flush=True)


def flush_ms(times: int = 200) -> float:
    """Return the median milliseconds in which a page is flushed to disk."""
    spent = []
    with tempfile.TemporaryFile() as file:
        for _ in range(times):
            os.pwrite(file.fileno(), PAGE, 0)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            spent.append(1e3 * (time.perf_counter() - began))
    return statistics.median(spent)


def main() -> None:
    """Print the cost alone and together."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("url", nargs="?")
    parser.add_argument("--searches", type=int, default=20)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    args = parser.parse_args()
    with contextlib.nullcontext(args.url) if args.url else private_server() as url:
        LedgerStore(url).close()
        in_succession(url)
        alone = measured(url, 1, args.rate, args.seconds)
        together = measured(url, args.searches, args.rate, args.seconds)
    print(f"together / alone: {together / alone:.2f}")


if __name__ == "__main__":
    main()
