"""Whether opened test data is recognised after edits, and different data is not.

Twenty data sets (shipped, generated, image folders, texts) are opened, edited (single edits of a list and
pairs of them), and read again; then pairs of different data with the same schema are compared.

    python benchmarks/recognition.py [--quick] [--only NAME ...] [--runs FILE]

``--quick`` tries single edits and a tenth of the different data. Every answer is a line of FILE, and a
run that was interrupted goes on from there.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from recognition_data import DATA_SETS, STRANGERS, Data, photographs
from recognition_edits import EDITS, IMAGE_EDITS, PROMISED_NOT, Table

from hpo.core.likeness import Likeness
from hpo.core.trainable import DataInfo
from hpo.data.likeness import compare
from hpo.data.signature import Signature, signature_of
from trainables.data.content import Content, SourcePaths
from trainables.data.held_out import carve
from trainables.parts import data_sources

KEY = bytes(range(32))
LARGE = 60_000
"""Cells above which every fifth pair of edits is tried."""
RULE = "|---|---|---|---|---|"
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


@dataclass(frozen=True)
class Answer:
    """What was found of one case.

    Attributes:
        kind: ``edit``, or the kind of different data.
        data: The data set.
        case: The edits, or the number of the pair.
        answer: ``same``, ``resembles`` or ``unknown``.
        evidence: What shows it.
    """

    kind: str
    data: str
    case: str
    answer: str
    evidence: str

    @property
    def edits(self) -> tuple[str, ...]:
        """The edits of this case."""
        return tuple(self.case.split(" + "))


class Answers:
    """Answers so far, each a line of a file, so that a run goes on where it was interrupted."""

    def __init__(self, file: Path | None):
        self._file = file
        lines = file.read_text().splitlines() if file and file.exists() else []
        known = [Answer(**json.loads(line)) for line in lines]
        self.all = {(answer.kind, answer.data, answer.case): answer for answer in known}

    def find(self, kind: str, data: str, case: str, compare: Callable[[], Likeness]) -> None:
        """Compare unless the answer is known."""
        if (kind, data, case) in self.all:
            return
        likeness = compare()
        answer = Answer(kind, data, case, likeness.answer, likeness.evidence)
        self.all[kind, data, case] = answer
        if self._file:
            with self._file.open("a") as lines:
                lines.write(json.dumps(asdict(answer)) + "\n")


def find_edits(answers: Answers, name: str, quick: bool) -> None:
    """Compare a data set with every edit of it."""
    data = DATA_SETS[name]()
    with tempfile.TemporaryDirectory() as folder:
        opened = Signature.from_bytes(signature(data, Path(folder)).to_bytes(development=False))

        def compared(names: tuple[str, ...]) -> Likeness:
            with tempfile.TemporaryDirectory() as folder:
                return compare(opened, signature(edited(data, names, 1), Path(folder)))

        for names in cases(data, quick):
            answers.find("edit", name, " + ".join(names), functools.partial(compared, names))


def find_strangers(answers: Answers, count: int) -> None:
    """Compare different data with the same schema."""

    def compared(pair: tuple[Data, Data]) -> Likeness:
        with tempfile.TemporaryDirectory() as folder:
            one, other = (signature(data, Path(folder)) for data in pair)
        return compare(one, other)

    for number, (kind, name, pair) in enumerate(STRANGERS(count)):
        answers.find(kind, name, str(number), functools.partial(compared, pair))


def main() -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", default=[], help="names of data sets, or `strangers`")
    parser.add_argument("--runs", type=Path, help="file of all answers, to go on from")
    options = parser.parse_args()
    photographs()
    answers = Answers(options.runs)
    begin = time.monotonic()
    for name in options.only or DATA_SETS:
        if name in DATA_SETS:
            find_edits(answers, name, options.quick)
            print(f"{name}: {time.monotonic() - begin:.0f} s", flush=True)
    if not options.only or "strangers" in options.only:
        find_strangers(answers, 50 if options.quick else 500)
    text = report(list(answers.all.values()))
    print(text)
    if not options.quick and not options.only:
        RESULTS.write_text(text)


def report(answers: Sequence[Answer]) -> str:
    """Return the figures as Markdown."""
    edits = [answer for answer in answers if answer.kind == "edit"]
    promised = [answer for answer in edits if not promised_not(answer.edits)]
    outside = [answer for answer in edits if promised_not(answer.edits)]
    lines = ["# Is opened test data recognised?", "", *_about(edits), ""]
    lines += _table("data", promised, lambda answer: answer.data)
    same = sum(answer.answer == "same" for answer in promised)
    lines += [
        "",
        f"Promised cases: {same:,} of {len(promised):,} the same ({same / max(1, len(promised)):.2%}).",
        "Columns standardised and rows dropped or joined at once (not promised): "
        f"{_count(outside, 'same')} of {len(outside)} the same.",
        "",
    ]
    lines += _by_edit(promised)
    strangers = [answer for answer in answers if answer.kind != "edit"]
    lines += ["", "| different data | pairs | the same | resembling |", "|---|---|---|---|"]
    for kind in dict.fromkeys(answer.kind for answer in strangers):
        found = [answer for answer in strangers if answer.kind == kind]
        lines.append(f"| {kind} | {len(found)} | {_count(found, 'same')} | {_count(found, 'resembles')} |")
    lines += ["", "## Missed", ""]
    lines += [
        f"- {answer.data}, {answer.case}: {answer.answer}" for answer in promised if answer.answer != "same"
    ]
    lines += ["", "## Different data that was not unknown", ""]
    lines += [
        f"- {answer.kind}, {answer.data}: {answer.answer}; {answer.evidence}"
        for answer in strangers
        if answer.answer != "unknown"
    ]
    return "\n".join(lines) + "\n"


def _about(edits: Sequence[Answer]) -> list[str]:
    sets = len({answer.data for answer in edits})
    return [
        f"Written by `python benchmarks/recognition.py`: {sets} data sets, every edit alone and in pairs (of",
        f"data sets with more than {LARGE:,} cells every fifth pair).",
    ]


def _count(answers: Sequence[Answer], answer: str) -> int:
    return sum(other.answer == answer for other in answers)


def _table(title: str, answers: Sequence[Answer], key: Callable[[Answer], str]) -> list[str]:
    lines = [
        f"| {title} | same, one edit | same, two edits | resembling | unknown |",
        "|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(map(key, answers)):
        found = [answer for answer in answers if key(answer) == name]
        lines.append(_row(name, found))
    return lines


def _row(name: str, found: Sequence[Answer]) -> str:
    counts = []
    for size in (1, 2):
        some = [answer for answer in found if len(answer.edits) == size]
        counts.append(f"{_count(some, 'same')} of {len(some)}")
    return f"| {name} | {' | '.join(counts)} | {_count(found, 'resembles')} | {_count(found, 'unknown')} |"


def _by_edit(answers: Sequence[Answer]) -> list[str]:
    lines = [
        "| edit | same, alone | same, with a second edit | resembling | unknown |",
        "|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(answer.case for answer in answers if len(answer.edits) == 1):
        lines.append(_row(name, [answer for answer in answers if name in answer.edits]))
    return lines


def promised_not(names: tuple[str, ...]) -> bool:
    """Return whether a pair of edits is not promised: rows changed and columns standardised."""
    return any(set(names) >= pair for pair in PROMISED_NOT)


if __name__ == "__main__":
    main()
