"""Makes the table of injected faults from the results of the tests in `tests/faults`.

    HPO_FAULTS_JSON=faults.json python -m pytest tests/faults; python -m benchmarks.faults faults.json

Each line of the file is one disturbed search (`tests/faults/promises.py` writes it before it checks
the search, so that a broken promise shows as well).
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

HEAD = ("fault", "times", "results lost", "run twice", "test openings", "seconds to resume")


def table(lines: list[dict[str, Any]]) -> str:
    """Return the table in Markdown, one row per fault in the order of its first line."""
    by_fault: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_fault.setdefault(line["fault"], []).append(line)
    rows = [HEAD, ("---",) * len(HEAD), *(_row(fault, searches) for fault, searches in by_fault.items())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(fault: str, searches: list[dict[str, Any]]) -> tuple[str, ...]:
    openings = {line["openings"] for line in searches}
    most = "none" if openings == {0} else f"{max(openings)} each" if len(searches) > 1 else str(max(openings))
    lost, twice = (str(sum(line[name] for line in searches)) for name in ("lost", "twice"))
    return fault, str(len(searches)), lost, twice, most, _seconds([line["seconds"] for line in searches])


def _seconds(values: list[float | None]) -> str:
    seconds = [value for value in values if value]
    if not seconds:
        return "-"
    spread = f" ({min(seconds):.0f} to {max(seconds):.0f})" if len(seconds) > 1 else ""
    return f"{statistics.median(seconds):.0f}{spread}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path)
    print(table([json.loads(line) for line in parser.parse_args().file.read_text().splitlines()]))


if __name__ == "__main__":
    main()
