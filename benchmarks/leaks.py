"""Planted leaks and clean data: what hpo finds beside deepchecks, cleanlab and cleanvision.

    python -m benchmarks.leaks --json leaks/hpo.jsonl [--seeds 1]
    python -m benchmarks.leaks --json leaks/peers.jsonl --peers PEERS/bin/python [--seeds 1]
    python -m benchmarks.leaks --json leaks/hpo.jsonl --out FILE

Each case of `leak_cases` is written to files, checked as `hpo check --data` does, and given to the peers in
their own environment (`requirements-leaks.txt`); the table unites all results in the folder. A tool finds a
leak if it reports what `EXPECTED` names for it; whatever it reports of a clean set is a false alarm. Each
answer is written when it is known and not asked for again, so that a run can be interrupted.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.leak_cases import (
    IMAGE_COPIES,
    IMAGE_SHORTCUTS,
    TABLE_LEAKS,
    clean_tables,
    generated,
    save_images,
)
from hpo.core.home import Home
from hpo.spec import read_spec
from hpo.use_cases.dataset.checks import data_warnings
from hpo.use_cases.dataset.leak_check import find_dataset_leaks
from hpo.use_cases.dataset.split_dataset import split_dataset_of

CLEAN = "clean"
CLEAN_IMAGES = 8
TABLE_TOOLS, IMAGE_TOOLS = ("hpo", "deepchecks", "cleanlab"), ("hpo", "cleanvision")

NEAR = "except for noise|also in the test part"
EXPECTED: dict[str, tuple[str, str]] = {
    "copies": ("also in the test part", "Samples Mix|^near_duplicate$"),
    "copies with noise of 1e-3": (NEAR, "Samples Mix|^near_duplicate$"),
    "copies, rounded": (NEAR, "Samples Mix|^near_duplicate$"),
    "copies but for one column": (NEAR, "Samples Mix|^near_duplicate$"),
    "copies but for two columns": (NEAR, "Samples Mix|^near_duplicate$"),
    "copies but for an identifier": (NEAR, "Samples Mix|^near_duplicate$"),
    "target, 99 % right": ("column code", "Feature.Label Correlation$|Identifier Label"),
    "target, 93 % right": ("column code", "Feature.Label Correlation$|Identifier Label"),
    "target in 30 % of the rows": ("column outcome", "Feature.Label Correlation$"),
    "a column for one class": ("column flag", "Feature.Label Correlation$"),
    "a difference of two columns": ("columns before and after", "Feature.Label Correlation$"),
    "an exclusive or for one class": ("columns one and other predicts", "Feature.Label Correlation$"),
    "target encoding": ("column place is the mean target", "Feature.Label Correlation$"),
    "test rows among training rows in time": ("are earlier", "Date Train"),
    "groups on both sides": ("groups have rows", "Index Train"),
    "another unit in the test part": ("column x2 is distributed", "Drift"),
    "a column missing in the test part": ("column x2 is distributed", "Drift|Nulls"),
    "other labels in the test part": ("target is distributed", "Label Drift"),
    "mislabelled rows": ("mislabelled", "^label$|Conflicting"),
    "97 % of one class": ("are of class", "imbalance|Imbalance"),
    **dict.fromkeys(IMAGE_COPIES, ("near duplicate|also in the test part", "duplicates")),
    "class by border": ("border", "odd_size"),
    "class by watermark": ("corner|border", "odd_size"),
    "class by ground": ("corner|border", "odd_size"),
    "class by grey": ("colour", "grayscale"),
    "class by brightness": ("brightness", "dark"),
    "class by dimensions": ("the width|the file size", "odd_size|odd_aspect"),
    "class by file format": ("file format", "format"),
    "class by file size": ("file size", "blurry"),
}
"""What of its report counts as having found a leak: of hpo, and of a peer."""

TABLE_SPEC = """version: 1
data: {{source: csv, arguments: {{file: train.csv, test_file: test.csv, target: y{roles}}}}}
trainable: tabular
space: {{learning_rate: {{loguniform: [1e-3, 0.3]}}}}
scheduler: {{max_epochs: 3}}
budget: {{trials: 3}}
"""
IMAGE_SPEC = """version: 1
data: {source: image_folder, arguments: {root: ., size: 48}}
trainable: image_classifier
space: {learning_rate: {loguniform: [1e-3, 0.3]}}
scheduler: {max_epochs: 3}
budget: {trials: 3}
"""


def cases(seeds: range) -> Iterator[tuple[str, int]]:
    """Yield kinds of cases with their seeds; clean ones have names of their own."""
    for seed in seeds:
        yield from ((kind, seed) for kind in EXPECTED)
    yield from ((f"{CLEAN}: {name}", seeds[0]) for name in clean_tables(seeds[0]))
    yield from ((f"{CLEAN}: images {number}", seeds[0] + number) for number in range(1, 1 + CLEAN_IMAGES))


def is_images(kind: str) -> bool:
    """Return whether a case is a folder of images."""
    return kind in IMAGE_COPIES or kind in IMAGE_SHORTCUTS or kind.startswith(f"{CLEAN}: images")


def write_case(folder: Path, kind: str, seed: int) -> None:
    """Write the files of a case, with a spec."""
    folder.mkdir()
    if is_images(kind):
        save_images(folder, kind, seed)
        (folder / "spec.yaml").write_text(IMAGE_SPEC)
        return
    if kind.startswith(CLEAN):
        tables = clean_tables(seed)[kind.removeprefix(f"{CLEAN}: ")]
    else:
        tables = generated(seed)
        TABLE_LEAKS[kind](tables, np.random.default_rng(seed))
    tables.train.to_csv(folder / "train.csv", index=False)
    tables.test.to_csv(folder / "test.csv", index=False)
    roles = "".join(f", {role}: {column}" for role, column in tables.roles.items())
    (folder / "spec.yaml").write_text(TABLE_SPEC.format(roles=roles))
    (folder / "case.json").write_text(json.dumps({"roles": dict(tables.roles)}))


def hpo_says(folder: Path) -> list[str]:
    """Return the sentences of `hpo check --data` that are about leaks and traps."""
    spec = read_spec(str(folder / "spec.yaml"), ())
    dataset = split_dataset_of(spec.data, spec.base, Home(folder / "home").create())
    leaks = find_dataset_leaks(spec.data, spec.base, dataset, near=True)
    notes = [note for note in leaks.notes if "worth a look" in note]
    return [
        *leaks.findings(),
        *notes,
        *(text for text in data_warnings(spec, dataset) if "are of class" in text),
    ]


def peers_say(python: str, folders: list[Path]) -> Iterator[tuple[Path, dict[str, list[str]]]]:
    """Yield what the peers report of each case, as soon as it is known; one process asks about all."""
    script = Path(__file__).parent / "peers" / "leak_tools.py"
    command = [python, str(script), *map(str, folders)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if '{"case"' in line:
                answer = json.loads(line[line.index('{"case"') :])
                yield Path(answer.pop("case")), answer


def table(rows: list[dict]) -> str:
    """Return the results as Markdown: cases found of cases tried, and clean sets with an alarm."""
    counts: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    alarms: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for row in rows:
        for tool, names in row["said"].items():
            if row["kind"].startswith(CLEAN):
                alarms[tool][row["kind"]] = names
            else:
                pattern = EXPECTED[row["kind"]][tool != "hpo"]
                counts[row["kind"]][tool].append(any(re.search(pattern, name) for name in names))
    tools = ("hpo", "deepchecks", "cleanlab", "cleanvision")
    lines = ["| planted | " + " | ".join(tools) + " |", "| --- " * (1 + len(tools)) + "|"]
    for kind in EXPECTED:
        cells = [
            f"{sum(counts[kind][tool])} of {len(counts[kind][tool])}" if counts[kind][tool] else ""
            for tool in tools
        ]
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    false = [
        f"{sum(bool(names) for names in alarms[tool].values())} of {len(alarms[tool])}"
        if alarms[tool]
        else ""
        for tool in tools
    ]
    lines += ["| *clean sets with an alarm* | " + " | ".join(false) + " |", ""]
    for tool in tools:
        for kind, names in alarms[tool].items():
            lines += [f"- {tool}, {kind}: {'; '.join(names)}"] if names else []
    return "\n".join(lines)


def main() -> None:
    """Measure what is not yet known, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--peers", help="interpreter of the peers' environment, to ask them and not hpo")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--part", default="0/1", help="K/N: every N-th case from the K-th, to share a run")
    parser.add_argument("--kinds", default="", help="regular expression of the kinds of case to ask about")
    parser.add_argument(
        "--out", type=Path, help="measure nothing, and write the table of all results in the folder of --json"
    )
    args = parser.parse_args()
    if args.out:
        rows = [row for file in sorted(args.json.parent.glob("*.jsonl")) for row in _rows(file)]
        args.out.write_text(table(rows) + "\n")
        return
    part, parts = map(int, args.part.split("/"))
    known = {tuple(row["case"]) for row in _rows(args.json)}
    every = list(cases(range(args.first, args.first + args.seeds)))[part::parts]
    asked = [case for case in every if case not in known and re.search(args.kinds, case[0])]
    with tempfile.TemporaryDirectory() as scratch:
        folders = {Path(scratch) / str(number): case for number, case in enumerate(asked)}
        for folder, (kind, seed) in folders.items():
            write_case(folder, kind, seed)
        alone = ((folder, {"hpo": hpo_says(folder)}) for folder in folders)
        for folder, findings in peers_say(args.peers, list(folders)) if args.peers else alone:
            kind, seed = folders[folder]
            with args.json.open("a") as file:
                file.write(json.dumps({"case": [kind, seed], "kind": kind, "said": findings}) + "\n")
            print(kind, findings, flush=True)


def _rows(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


if __name__ == "__main__":
    main()
