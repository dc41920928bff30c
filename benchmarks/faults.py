"""Makes the table of injected faults from what `make faults` wrote down.

    HPO_FAULTS_JSON=faults.json make faults; python -m benchmarks.faults faults.json

Each line of the file is one search that was disturbed (`tests/faults/promises.py` writes it before
it holds the search to anything, so a broken promise shows, too).
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

HEAD = ("fault", "times", "results lost", "run twice", "test openings", "seconds to resume")


def table(lines: list[dict[str, Any]]) -> str:
    """The table in Markdown, a row for each fault in the order of its first line."""
    by_fault: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_fault.setdefault(line["fault"], []).append(line)
    rows = [HEAD, ("---",) * len(HEAD), *(_row(fault, found) for fault, found in by_fault.items())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(fault: str, found: list[dict[str, Any]]) -> tuple[str, ...]:
    openings = {line["openings"] for line in found}
    most = "none" if openings == {0} else f"{max(openings)} each" if len(found) > 1 else str(max(openings))
    lost, twice = (str(sum(line[name] for line in found)) for name in ("lost", "twice"))
    return fault, str(len(found)), lost, twice, most, _seconds([line["seconds"] for line in found])


def _seconds(found: list[float | None]) -> str:
    known = [each for each in found if each]
    if not known:
        return "-"
    spread = f" ({min(known):.0f} to {max(known):.0f})" if len(known) > 1 else ""
    return f"{statistics.median(known):.0f}{spread}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path)
    print(table([json.loads(line) for line in parser.parse_args().file.read_text().splitlines()]))


if __name__ == "__main__":
    main()
