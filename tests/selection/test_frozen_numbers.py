"""Intervals and corrections are those that the coverage figures were measured with.

`frozen_numbers.json` holds them; a change of a method changes it on purpose, together with the measurements
of `benchmarks/interval_cells.py`: ``python -m tests.selection.test_frozen_numbers`` writes it again.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hpo.core.objective import Objective
from hpo.metrics.row_blocks import RowBlocks
from hpo.selection.evidence import EpochLuck, Evidence
from hpo.selection.matched_pairs import matched_difference
from hpo.selection.optimism import measure, winner_intervals
from hpo.selection.paired_difference import paired_difference
from hpo.selection.race import Race, RaceDecision
from hpo.selection.reuse import Reuse
from hpo.selection.score_intervals import score_intervals
from trainables.scores import classification

FILE = Path(__file__).with_name("frozen_numbers.json")
BLOCKS = {
    "rows": RowBlocks.independent,
    "groups": lambda n: RowBlocks.of(n, np.arange(n) // 5),
    "times": lambda n: RowBlocks.of(n, times=np.arange(n)),
}


def classes(outputs, targets):
    count = outputs.shape[1]
    table = np.bincount(count * targets + outputs.argmax(1), minlength=count**2).reshape(count, count)
    total, hits, true, said = table.sum(), np.trace(table), table.sum(1), table.sum(0)
    spread = math.sqrt(float(total**2 - said @ said) * float(total**2 - true @ true))
    mcc = float(hits * total - said @ true) / spread if spread else 0.0
    return {**classification(outputs, targets), "mcc": mcc}


def values(outputs, targets):
    off = outputs - targets
    return {
        "mse": float(np.mean(off**2)),
        "rmse": float(np.sqrt(np.mean(off**2))),
        "mae": float(np.abs(off).mean()),
        "r2": float(1 - np.mean(off**2) / np.var(targets)),
        "greatest": float(np.abs(off).max()),
    }


def answers(kind, n):
    """Outputs and targets of a model that is right more often than not."""
    rng = np.random.default_rng(n)
    if kind == "values":
        targets = rng.normal(size=n)
        return targets + 0.5 * rng.standard_t(4, size=n), targets
    count = int(kind[0])
    targets = np.concatenate([np.repeat(np.arange(count), 2), rng.integers(0, count, n - 2 * count)])
    return 1.5 * np.eye(count)[targets] + rng.normal(size=(n, count)), targets


MAX = Objective("accuracy", "max")
SCORES = {"2 classes": classes, "3 classes": classes, "values": values}
FRESH = {1: [0.93, 0.94, 0.95], 2: [0.95, 0.93, 0.94], 3: [0.90, 0.94, 0.93], 4: [0.89, 0.9, 0.88]}
EVIDENCE = Evidence(
    Objective("accuracy", "max", "last"), {0: 0.90, 1: 0.97, 2: 0.95, 3: 0.94, 4: 0.9, 5: math.nan}, FRESH
)


def with_rows(evidence, n=200, kind="rows"):
    """The evidence with what each row contributed, whose means are its values."""
    rng, rows = np.random.default_rng(3), {}
    for trial, fresh in evidence.replicates.items():
        easy = np.argsort(rng.normal(size=n) + 2 * np.arange(n) / n)
        rows[trial] = np.array([np.isin(np.arange(n), easy[: round(value * n)]) for value in fresh], np.uint8)
    means = {trial: [float(row.mean()) for row in some] for trial, some in rows.items()}
    blocks = None if kind == "rows" else BLOCKS[kind](n)
    return replace(evidence, replicates=means, examples=rows, n=n, blocks=blocks)


WITH_ROWS = with_rows(EVIDENCE)
EVIDENCES = {
    "values alone": EVIDENCE,
    "luck of the epoch": replace(EVIDENCE, luck=EpochLuck(0.004, 0.002)),
    "one seed": replace(EVIDENCE, replicates={t: fresh[:1] for t, fresh in FRESH.items()}),
    "one finalist": replace(EVIDENCE, replicates={2: FRESH[2]}),
    "rows": WITH_ROWS,
    "rows of one seed": with_rows(replace(EVIDENCE, replicates={t: fresh[:1] for t, fresh in FRESH.items()})),
    "groups": with_rows(EVIDENCE, kind="groups"),
    "times": with_rows(EVIDENCE, kind="times"),
    "reused": replace(WITH_ROWS, reuse=Reuse(20, 100)),
    "finals": replace(WITH_ROWS, finals={t: [v - 0.03 for v in fresh] for t, fresh in FRESH.items()}),
    "held out": replace(WITH_ROWS, held_out=True),
    "lower is better": replace(
        EVIDENCE,
        objective=Objective("loss", "min", "last"),
        values={t: 1 - v for t, v in EVIDENCE.values.items()},
        replicates={t: [1 - v for v in fresh] for t, fresh in FRESH.items()},
    ),
}


def interval(found):
    return [found.value, found.low, found.high, found.method]


def score_cases():
    for kind, score in SCORES.items():
        for n in (12, 45, 200):
            for name, blocks in BLOCKS.items():
                found = score_intervals(score, (), *answers(kind, n), seed=1, blocks=blocks(n))
                yield f"{kind} of {n} {name}", {metric: interval(one) for metric, one in found.items()}


def winner_cases():
    for name, evidence in EVIDENCES.items():
        found = measure(evidence, 2, 0)
        mean, corrected = winner_intervals(evidence, 2)
        yield (
            f"winner: {name}",
            {
                "mean": interval(mean),
                "corrected": interval(corrected),
                "bootstrap": [found.bootstrap],
                "fresh": None if found.fresh is None else interval(found.fresh),
            },
        )


def difference_cases():
    rng = np.random.default_rng(2)
    for n, seeds in ((12, 1), (60, 1), (60, 3)):
        for kind, rows in (
            ("shares", rng.integers(-1, 2, (seeds, n))),
            ("losses", rng.normal(size=(seeds, n))),
        ):
            for name, blocks in BLOCKS.items():
                found = matched_difference(rows.astype(np.float64), blocks(n))
                yield f"difference of {n} {kind} on {seeds} seeds, {name}", {"difference": interval(found)}


def paired_cases():
    rng = np.random.default_rng(7)
    for seeds in (1, 2, 5):
        for name, apart in (("apart", 0.3), ("alike", 0.001)):
            shifts = 0.1 + apart * rng.normal(size=seeds)
            rows = shifts[:, None] + rng.normal(size=(seeds, 40))
            rows += shifts[:, None] - rows.mean(1, keepdims=True)
            for kind, blocks in BLOCKS.items():
                found = paired_difference(shifts.tolist(), rows, blocks(40))
                yield f"{seeds} seeds {name}, {kind}", {"difference": interval(found)}
        found = paired_difference(shifts.tolist())
        yield f"{seeds} seeds alone", {"difference": interval(found)}


def race_cases():
    rng = np.random.default_rng(8)
    for gap in (0.0, 0.02, 0.1):
        for margin in (0.0, 0.05):
            table = {trial: 0.9 - gap * trial + 0.02 * rng.standard_normal(8) for trial in range(3)}
            race = Race({0: 3.0, 1: 2.0, 2: 1.0}, MAX, alpha=0.05, margin=margin, prefer="cheapest", most=8)
            values = {}
            while not isinstance(step := race.next(values), RaceDecision):
                values |= {run: float(table[run.trial][run.replicate - 1]) for run in step}
            yield (
                f"race of {gap} apart, margin {margin}",
                {"winner": [step.winner, step.saved, step.spread.mean, step.reason]},
            )


def cases():
    return dict([*score_cases(), *winner_cases(), *difference_cases(), *paired_cases(), *race_cases()])


def comparable(value):
    """Numbers as they are, NaN as a word."""
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


EXPECTED = json.loads(FILE.read_text()) if FILE.exists() else {}


@pytest.fixture(scope="module")
def found():
    return cases()


def test_there_is_a_number_for_each_case(found):
    assert set(found) == set(EXPECTED)


@pytest.mark.parametrize("case", EXPECTED)
def test_numbers_are_those_that_were_measured(found, case):
    assert set(found[case]) == set(EXPECTED[case])
    for name, expected in EXPECTED[case].items():
        ours = found[case][name]
        assert (ours is None) == (expected is None)
        for one, other in zip(ours or (), expected or (), strict=True):
            if isinstance(other, float):
                assert one == pytest.approx(other, rel=1e-6, abs=1e-9), name
            else:
                assert comparable(one) == other, name


if __name__ == "__main__":
    frozen = {
        case: {name: numbers and [comparable(each) for each in numbers] for name, numbers in some.items()}
        for case, some in cases().items()
    }
    FILE.write_text(json.dumps(frozen, indent=1) + "\n")
