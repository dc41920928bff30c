"""Conditions for resuming a search: the same rows, one process, a sealed test part."""

import dataclasses
import math

import numpy as np
import pytest

from hpo.core.errors import Refused, UserError
from hpo.core.events import (
    Cause,
    End,
    SearchExtended,
    SearchOpened,
    SearchResumed,
    TestClaimed,
    TrialEnded,
    TrialsRetried,
    TrialStarted,
    Warned,
)
from hpo.core.home import Home
from hpo.core.outcome import Outcome
from hpo.ledger.searches import read_history
from hpo.ledger.store import LedgerStore
from hpo.spec import parse_spec
from hpo.use_cases import ablate, resume
from hpo.use_cases.dataset.split_dataset import split_dataset_of
from hpo.use_cases.resume import resume_search
from hpo.use_cases.search.lock import hold_lock
from hpo.use_cases.search.run import SearchRun
from hpo.use_cases.search.run_options import DEFAULTS, RunOptions
from hpo.use_cases.submit import open_search

ROWS = 120


def write_table(path, change=lambda columns: None):
    random = np.random.default_rng(0)
    columns = {"height": random.normal(size=ROWS), "age": random.normal(size=ROWS)}
    columns["label"] = (columns["height"] > 0).astype(int)
    change(columns)
    rows = zip(*columns.values(), strict=True)
    lines = [",".join(columns), *(",".join(f"{cell:.6g}" for cell in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def spec(tmp_path):
    write_table(tmp_path / "people.csv")
    document = {
        "version": 1,
        "data": {"source": "csv", "arguments": {"file": "people.csv", "target": "label"}},
        "trainable": "tabular",
        "space": {"learning_rate": {"loguniform": [1e-3, 0.1]}},
        "scheduler": {"max_epochs": 2},
        "budget": {"trials": 2},
        "finalists": {"count": 1, "seeds": 2},
    }
    return parse_spec(document, base=tmp_path)


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home").create()


@pytest.fixture
def runs(monkeypatch):
    """Searches that reached training, with their options."""
    passed = []

    def to_end(self, signals, options, watch):
        passed.append((self.ledger.name, options))
        return Outcome.__new__(Outcome)

    monkeypatch.setattr(SearchRun, "to_end", to_end)
    return passed


def open_one(spec, home, tags=None):
    dataset = split_dataset_of(spec.data, spec.base, home)
    return open_search(LedgerStore.at(home.ledger), spec, dataset, "people", tags or {})


def test_the_same_rows_are_resumed(spec, home, runs):
    ledger = open_one(spec, home)
    resume_search("people", home=home)
    assert runs == [("people", DEFAULTS)]
    assert [type(each.event) for each in ledger.read(kinds=[SearchOpened, SearchResumed])] == [
        SearchOpened,
        SearchResumed,
    ]


def one_cell(columns):
    columns["age"][7] += 1


def one_label(columns):
    columns["label"][7] = 1 - columns["label"][7]


def one_row_less(columns):
    for name in columns:
        columns[name] = columns[name][:-1]


@pytest.mark.parametrize("change", [one_cell, one_label, one_row_less])
def test_other_rows_are_refused_and_nothing_is_recorded(spec, home, runs, change):
    ledger = open_one(spec, home)
    before = [each.seq for each in ledger.read()]
    write_table(spec.base / "people.csv", change)
    with pytest.raises(Refused, match="people"):
        resume_search("people", home=home)
    assert runs == []
    assert [each.seq for each in ledger.read()] == before


@pytest.mark.parametrize("key", ["data", "fingerprint", "folds"])
def test_a_search_on_record_with_other_rows_or_folds_is_refused(spec, home, runs, key):
    """Data, split and folds are compared one by one: another version of this service may divide otherwise."""
    spec = parse_spec(spec.document | {"finalists": {"count": 1, "seeds": 2, "folds": 3}}, base=spec.base)
    opened = read_history(open_one(spec, home)).opened
    changed = dataclasses.replace(opened, split=opened.split | {key: "0" * 64})
    ledger = LedgerStore.at(home.ledger).create("other", changed, "other")
    with pytest.raises(
        Refused, match=rf"the data of other has changed .* its fingerprint \({key}\) was 0{{16}} "
    ):
        resume_search("other", home=home)
    assert (runs, [type(each.event) for each in ledger.read()]) == ([], [SearchOpened])


@pytest.mark.parametrize("change", [one_cell, one_label, one_row_less])
def test_the_fingerprint_depends_on_every_row(spec, home, change):
    before = split_dataset_of(spec.data, spec.base, home).prepared
    write_table(spec.base / "people.csv", change)
    after = split_dataset_of(spec.data, spec.base, home).prepared
    assert (before.fingerprint, before.test.fingerprint) != (after.fingerprint, after.test.fingerprint)


def test_a_search_run_by_another_process_is_refused(spec, home, runs):
    open_one(spec, home)
    with hold_lock(home.search("people"), "people"), pytest.raises(Refused, match="people"):
        resume_search("people", home=home)
    assert runs == []


def test_trials_are_added_only_while_the_test_part_is_sealed(spec, home, runs):
    ledger = open_one(spec, home)
    resume_search("people", home=home, more_trials=3)
    assert read_history(ledger).extended == 3
    ledger.append([TestClaimed(0, 1, "digest", "host:1")])
    with pytest.raises(Refused, match="test part"):
        resume_search("people", home=home, more_trials=1)
    assert len(list(ledger.read(kinds=[SearchExtended]))) == 1


def test_failed_trials_are_tried_again_only_while_the_test_part_is_sealed(spec, home, runs):
    ledger = open_one(spec, home)
    with pytest.raises(UserError, match="no trial of people has failed"):
        resume_search("people", home=home, retry=[])
    for number in (0, 1):
        ledger.append([TrialStarted(number, 0, {}, {}, 1, "sampler")])
        ledger.append([TrialEnded(number, 0, End.FAILED, 0, math.nan, Cause.CODE_ERROR, "no such column")])
    with pytest.raises(UserError, match="trial 7 of people has not failed; legal: 0, 1"):
        resume_search("people", home=home, retry=[7])
    resume_search("people", home=home, retry=[])
    (retried,) = [each.event for each in ledger.read(kinds=[TrialsRetried])]
    assert (retried.trials, read_history(ledger).extended) == ((0, 1), 2)
    ledger.append([TestClaimed(0, 1, "digest", "host:1")])
    with pytest.raises(Refused, match="test part"):
        resume_search("people", home=home, retry=[1])


def test_all_failed_trials_are_those_that_were_not_made_good_since(spec, home, runs):
    ledger = open_one(spec, home)
    ends = ((0, 0.1, End.FAILED), (1, 0.2, End.FAILED), (2, 0.1, End.FINISHED), (3, 0.2, End.FAILED))
    for number, rate, end in ends:
        ledger.append([TrialStarted(number, 0, {"rate": rate}, {}, 1, "sampler")])
        ledger.append([TrialEnded(number, 0, end, 0, math.nan, Cause.CODE_ERROR, "no such column")])
    resume_search("people", home=home, retry=[])
    resume_search("people", home=home, retry=[0])
    ledger.append([TrialStarted(4, 0, {"rate": 0.2}, {}, 1, "sampler")])
    ledger.append([TrialEnded(4, 0, End.FINISHED, 3, 0.5, None, "")])
    assert [each.event.trials for each in ledger.read(kinds=[TrialsRetried])] == [(1, 3), (0,)]
    with pytest.raises(UserError, match="every failed trial of people was tried again since, and did not"):
        resume_search("people", home=home, retry=[])


def test_changed_versions_are_named(spec, home, runs, monkeypatch):
    ledger = open_one(spec, home)
    now = read_history(ledger).opened.versions
    monkeypatch.setattr(resume, "versions", lambda *_: {**now, "torch": "99.0"})
    resume_search("people", home=home)
    (warning,) = [each.event.message for each in ledger.read(kinds=[Warned]) if "torch" in each.event.message]
    assert "99.0" in warning


def test_an_unknown_search_is_an_error(home):
    with pytest.raises(UserError, match="nobody"):
        resume_search("nobody", home=home)


def test_a_resumed_ablation_keeps_the_test_part_sealed(spec, home, runs):
    open_one(spec, home, tags={ablate.TAG: "mine.yaml"})
    ablate.resume_ablation("people", home=home)
    assert runs == [("people", RunOptions(unseal=False))]
