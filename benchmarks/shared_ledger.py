"""What a commit costs where many searches share a ledger in PostgreSQL.

    python -m benchmarks.shared_ledger URL [--searches 20] [--rate 10] [--seconds 20]

Each search is a process that commits reports at a rate, on a schedule that a slow commit does not shift (open
loop). One search alone first, then all together; the median and 95th percentile of a commit in milliseconds,
and the ratio of the medians. The server should flush every commit (synchronous_commit=on, fsync=on).
"""

from __future__ import annotations

import argparse
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from hpo.core.events import Reported, SearchOpened
from hpo.ledger.leases import SearchLease
from hpo.ledger.store import LedgerStore


def commits(url: str, rate: float, seconds: float, begin: float) -> list[float]:
    """Commit reports of a search of its own, as its driver does, and return the seconds of each commit."""
    store = LedgerStore(url)
    ledger = store.create("shared", SearchOpened({}, "", {}, {}))
    SearchLease(ledger, f"process;{ledger.name}", 3600.0).take("{}")
    spent = []
    for number in range(int(rate * seconds)):
        time.sleep(max(0.0, begin + number / rate - time.time()))
        began = time.perf_counter()
        ledger.append([Reported(0, 0, number, {"validation/loss": 0.5, "train/loss": 0.4}, 1.0)])
        spent.append(time.perf_counter() - began)
    store.close()
    return spent


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


def main() -> None:
    """Print the cost alone and together."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--searches", type=int, default=20)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    args = parser.parse_args()
    LedgerStore(args.url).close()
    alone = measured(args.url, 1, args.rate, args.seconds)
    together = measured(args.url, args.searches, args.rate, args.seconds)
    print(f"together / alone: {together / alone:.2f}")


if __name__ == "__main__":
    main()
