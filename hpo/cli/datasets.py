"""Implement ``hpo data``: describe a spec's data and its split without revealing test examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from hpo.cli.data_report import report_facts, say_report
from hpo.cli.options import Settings, SpecFile, overrides
from hpo.cli.session import Session, emit, own_stdout, say
from hpo.cli.trust import Trust, name_code
from hpo.core.formatting import count
from hpo.core.json_values import JsonFields, JsonObject
from hpo.core.search_setting import DIVIDED_BY, TEST_PART

if TYPE_CHECKING:
    from hpo.spec import SearchSpec
    from hpo.use_cases.dataset.split_dataset import SplitDataset

SHOWN = 30
"""Classes or columns that are listed by name; the rest is only counted."""


def data(context: typer.Context, spec: SpecFile, settings: Settings = None, trust: Trust = False) -> None:
    """Read a spec's data and show what it was taken for, its size and how it is split."""
    from hpo import spec as specs
    from hpo.cli.tables import pairs
    from hpo.spec.builtin import locate
    from hpo.use_cases.model.opened_rows import moved_rows, new_dataset_of

    session = Session.of(context)
    changes = overrides(settings, None)
    name_code(locate(spec), changes, beside=True, trust=trust)
    read = specs.read_spec(spec, changes)
    with own_stdout():
        dataset, stray = new_dataset_of(read.data, read.base, session.home.create())
        shown = facts(read, dataset)
        shown["warnings"] += moved_rows(read, session.home, dataset.prepared, stray)
    if session.as_json:
        emit(shown)
        return
    say(pairs(fact_rows(read.data.source, shown)))
    say_report(shown)


def facts(spec: SearchSpec, dataset: SplitDataset) -> JsonObject:
    """Describe the data and its split as a JSON value."""
    from hpo.data.cut import rule_on_record
    from hpo.use_cases.dataset.checks import data_warnings

    prepared = dataset.prepared
    info = prepared.info
    return {
        "kind": info.kind,
        "task": info.task,
        "shape": list(info.shape),
        "classes": dict(zip(info.classes, prepared.class_counts, strict=False)),
        "columns": list(info.columns),
        "practice": info.practice,
        "split": dataset.facts(spec.finalists.fresh, spec.finalists.seeds),
        "test_part": rule_on_record(prepared.cut_file),
        "warnings": [*data_warnings(spec, dataset), *prepared.warnings],
        **report_facts(prepared),
    }


def fact_rows(source: str, shown: JsonFields) -> Iterator[tuple[str, str]]:
    """Yield the description as rows."""
    shape = " x ".join(map(str, shown["shape"]))
    if shown["kind"] == "table":
        shape = count(shown["shape"][0], "column")
    practice = ", practice data" if shown["practice"] else ""
    contents = f"{shown['task']} of {shown['kind'].removesuffix('s')}s, {shape}"
    if shown["kind"] == "stream":
        contents = f"a stream of tokens in blocks of {shape}"
    yield "data", f"{source}: {contents}{practice}"
    classes = [f"{name} ({n:,})" for name, n in shown["classes"].items()]
    if classes:
        yield f"{len(classes)} classes", f"{_listed(classes)} in the development part"
    if shown["columns"]:
        yield count(len(shown["columns"]), "column"), _listed(shown["columns"])
    split = shown["split"]
    groups = split.get("groups") or {}
    for part, n in split["counts"].items():
        yield part, count(n, "example") + (f" of {count(groups[part], 'group')}" if part in groups else "")
    if "by" in split:
        yield "divided by", DIVIDED_BY[split["by"]]
    if folds := split.get("folds"):
        yield "folds", fold_words(folds)
    test = split["test"]
    came = TEST_PART.get(shown["test_part"], "")
    sealed = ", ".join(filter(None, ("sealed", came)))
    yield "test", f"{count(test['n'], 'example')}, {sealed}" if test else "none"
    yield "fingerprint", f"{split['fingerprint'][:16]} (split), {split['data'][:16]} (data)"
    for warning in shown["warnings"]:
        yield "warning", warning


def fold_words(folds: JsonFields) -> str:
    """Describe how finalists are cross-validated."""
    least, most = folds["held_out"]
    held_out = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    again = f", drawn {folds['deals']} times" if folds["deals"] > 1 else ""
    return (
        f"{folds['count']} of {folds['rows']:,} rows, {held_out} held out in each{again}; "
        f"fingerprint {folds['fingerprint'][:16]}"
    )


def _listed(names: list[str]) -> str:
    more = f", and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
