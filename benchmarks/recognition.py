"""Whether opened test data is recognised after edits, and different data is not.

Twenty data sets (shipped, generated, image folders, texts) are opened, edited (single edits of a list and
pairs of them), and read again; then pairs of different data with the same schema are compared.

    python benchmarks/recognition.py [--quick] [--only NAME]

``--quick`` tries single edits and a tenth of the different data.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from recognition_data import DATA_SETS, STRANGERS, Data, photographs
from recognition_edits import EDITS, IMAGE_EDITS, PROMISED_NOT, Table

from hpo.core.trainable import DataInfo
from hpo.data.likeness import compare
from hpo.data.signature import Signature, signature_of
from trainables.data.content import Content, SourcePaths
from trainables.data.held_out import carve
from trainables.parts import data_sources

KEY = bytes(range(32))
LARGE = 60_000
"""Cells above which every fifth pair of edits is tried."""
RESULTS = Path(__file__).parent / "results" / "recognition.md"


def signature(data: Data, folder: Path, read: bool = False) -> Signature:
    """Write a data set as a file, read it as a search would, and compute its signature."""
    if isinstance(data, Table) and not read:
        return direct(data)
    if isinstance(data, Table):
        path = folder / f"{len(list(folder.iterdir()))}.parquet"
        pa.parquet.write_table(pa.table(dict(data.columns)), path)
        arguments: dict[str, Any] = {"file": path.name, "target": data.target, "task": data.task}
        source = data_sources.open_source("parquet", arguments, SourcePaths(folder, folder))
    else:
        root = folder / str(len(list(folder.iterdir())))
        data.write(root)
        source = data_sources.open_source(
            "image_folder", {"root": root.name, "size": data.size}, SourcePaths(folder, folder)
        )
    test = source.test()
    assert test is not None
    return signature_of(source.development(), test, KEY)


def direct(data: Table) -> Signature:
    """Return the signature of arrays from a user's function, cut by their content."""
    inputs, traits = [], []
    for name, column in data.columns.items():
        if name != data.target:
            numeric = column.dtype.kind in "fiub"
            codes = column if numeric else np.unique(column, return_inverse=True)[1]
            inputs.append(np.asarray(codes, np.float32))
            traits.append(column)
    labels = data.columns[data.target]
    info = DataInfo("table", "regression", (len(inputs),))
    if data.task == "classification":
        names, labels = np.unique(labels, return_inverse=True)
        info = DataInfo("table", "classification", (len(inputs),), tuple(map(str, names)))
    kind = np.float32 if data.task == "regression" else np.int64
    whole = Content(np.stack(inputs, 1), labels.astype(kind), info, traits=tuple(traits))
    development, test = carve(whole, 0.2)
    return signature_of(development, test, KEY)


def cases(data: Data, quick: bool) -> Iterator[tuple[str, ...]]:
    """Return the names of the edits of a data set, alone and in pairs."""
    names = list(EDITS if isinstance(data, Table) else IMAGE_EDITS)
    yield from ((name,) for name in names)
    if not quick:
        large = isinstance(data, Table) and data.n * len(data.columns) > LARGE
        yield from itertools.islice(itertools.combinations(names, 2), 0, None, 5 if large else 1)


def edited(data: Data, names: tuple[str, ...], seed: int) -> Data:
    """Apply edits one after the other."""
    edits: dict[str, Callable[..., Any]] = {**EDITS, **IMAGE_EDITS}
    for name in names:
        data = edits[name](data, np.random.default_rng(seed))
    return data


def main() -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    answers: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    missed = []
    begin = time.monotonic()
    for name, make in DATA_SETS.items():
        if options.only not in name:
            continue
        data = make()
        with tempfile.TemporaryDirectory() as folder:
            opened = Signature.from_bytes(signature(data, Path(folder)).to_bytes(development=False))
            for names in cases(data, options.quick):
                with tempfile.TemporaryDirectory() as place:
                    likeness = compare(opened, signature(edited(data, names, 1), Path(place)))
                answers[names][likeness.answer] += 1
                if likeness.answer != "same":
                    missed.append((name, " + ".join(names), likeness.answer))
        print(f"{name}: {time.monotonic() - begin:.0f} s", flush=True)
    strangers: dict[str, Counter[str]] = defaultdict(Counter)
    alarms = []
    for kind, name, pair in STRANGERS(50 if options.quick else 500):
        if options.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            one, other = (signature(data, Path(folder)) for data in pair)
            likeness = compare(one, other)
        strangers[kind][likeness.answer] += 1
        if likeness.answer != "unknown":
            alarms.append((kind, name, likeness.answer, likeness.evidence))
    text = report(answers, missed, strangers, alarms)
    print(text)
    if not options.quick and not options.only:
        RESULTS.write_text(text)


def report(
    answers: dict[tuple[str, ...], Counter[str]],
    missed: list[tuple[str, str, str]],
    strangers: dict[str, Counter[str]],
    alarms: list[tuple[str, str, str, str]],
) -> str:
    """Return the figures as Markdown."""
    lines = ["# Is opened test data recognised?", ""]
    lines += [
        "Written by `python benchmarks/recognition.py`: 20 data sets, every edit alone and in pairs (of data"
    ]
    lines += [f"sets with more than {LARGE:,} cells every fifth pair).", ""]
    lines += [
        "| edit | same, alone | same, with a second edit | resembles | unknown |",
        "|---|---|---|---|---|",
    ]
    for name in sorted({names[0] for names in answers if len(names) == 1}):
        alone = answers[(name,)]
        paired: Counter[str] = Counter()
        for names, counts in answers.items():
            if len(names) == 2 and name in names and not promised_not(names):
                paired += counts
        total = alone.total(), paired.total()
        lines.append(
            f"| {name} | {alone['same']} of {total[0]} | {paired['same']} of {total[1]} "
            f"| {alone['resembles'] + paired['resembles']} | {alone['unknown'] + paired['unknown']} |"
        )
    sums: Counter[str] = Counter()
    outside: Counter[str] = Counter()
    for names, counts in answers.items():
        if promised_not(names):
            outside += counts
        else:
            sums += counts
    lines += ["", f"Promised cases: {sums['same']} of {sums.total()} the same "]
    lines[-1] += f"({sums['same'] / max(1, sums.total()):.2%}), {sums['resembles']} resembling."
    lines += [
        f"Rows changed and columns standardised (not promised): {outside['same']} of {outside.total()}."
    ]
    lines += ["", "| strangers | pairs | the same | resembling |", "|---|---|---|---|"]
    for kind, counts in strangers.items():
        lines.append(f"| {kind} | {counts.total()} | {counts['same']} | {counts['resembles']} |")
    lines += ["", "## Missed", ""]
    where = Counter(
        (edits, answer) for _, edits, answer in missed if not promised_not(tuple(edits.split(" + ")))
    )
    names_of = defaultdict(list)
    for name, edits, answer in missed:
        names_of[edits, answer].append(name)
    lines += [
        f"- {edits}: {answer} ({', '.join(names_of[edits, answer])})" for (edits, answer) in sorted(where)
    ]
    lines += ["", "## Alarms among strangers", ""]
    lines += [f"- {kind}, {name}: {answer}; {evidence}" for kind, name, answer, evidence in alarms]
    return "\n".join(lines) + "\n"


def promised_not(names: tuple[str, ...]) -> bool:
    """Return whether a pair of edits is not promised: rows changed and columns standardised."""
    return any(set(names) >= pair for pair in PROMISED_NOT)


if __name__ == "__main__":
    photographs()
    main()
