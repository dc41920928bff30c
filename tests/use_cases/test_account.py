"""The account agrees with the record, however the search ended."""

import dataclasses
import json
from collections import Counter

import pytest

from hpo.core import events
from hpo.ledger.searches import open_ledger, read_history
from hpo.ledger.store import SearchLedger
from hpo.reports.account import page
from hpo.spec import read_spec
from hpo.use_cases.account import account_of as account_of_search
from hpo.use_cases.accounting.files import numbers_of, write_account
from hpo.use_cases.accounting.gathering import gather_account
from tests.use_cases.recorded_search import TRIALS, recorded, searched, trained, won


@pytest.fixture
def account_of(tmp_path):
    def gather(story, settings=(), split=()):
        home = recorded(tmp_path, story, settings, split)
        return home, gather_account(open_ledger("digits", home), home=home)

    return gather


def test_it_counts_what_was_tried_and_compared(account_of):
    account = account_of(won())[1]
    assert "asked for" not in page(account)
    shown = account.to_json()
    assert shown["trials"] == {"started": 6, "finished": 4, "stopped": 1, "failed": 1, "interrupted": 0}
    assert shown["failures"] == {"diverged": 1}
    assert shown["comparisons"] == {
        "ranked": 4,
        "at": "best",
        "epochs": 12,
        "rungs": 6,
        "finalists": 2,
        "fresh": 4,
    }
    assert shown["budget"]["trials"] == {"spent": 6, "limit": 9}
    assert shown["budget"]["epochs"]["spent"] == 26
    assert shown["seeds"] == {"search": 0, "split": 0, "model": 8}


def test_it_says_that_fewer_finalists_were_available_than_asked_for(account_of):
    text = " ".join(page(account_of(won(), ("finalists.count=7",))[1]).split())
    assert "7 asked for, 4 fully trained trials available, 2 trained again; each on 2 fresh seeds" in text


def test_the_reports_of_a_searchs_trials_are_read_once(tmp_path, monkeypatch):
    home, read = recorded(tmp_path, won()), Counter()
    home.search("digits").root.mkdir(parents=True)

    def event(ledger, row, seq):
        read[seq] += 1
        return decoded(ledger, row, seq)

    decoded = SearchLedger._recorded
    ledger = open_ledger("digits", home)
    of_trials = [e.seq for e in ledger.read(kinds=[events.Reported]) if not e.event.replicate]
    monkeypatch.setattr(SearchLedger, "_recorded", event)
    ledger = open_ledger("digits", home)
    for _ in range(2):  # as a resumed search does at its beginning and at its end
        assert read_history(ledger).winner.trial == 3
        write_account(ledger, home=home, status="done")
    assert {seq: read[seq] for seq in of_trials} == dict.fromkeys(of_trials, 1)


def test_it_lists_the_lucky_score_with_the_corrected_ones(account_of):
    numbers = account_of(won())[1].numbers
    assert (numbers.raw.trial, numbers.raw.value) == (1, 0.95)
    assert numbers.fresh.value == pytest.approx(0.93)
    assert numbers.fresh.low < 0.93 < numbers.fresh.high
    assert numbers.bootstrap < 0.95
    assert numbers.winner.value == pytest.approx(0.935)
    assert numbers.test["accuracy"].value == 0.92
    assert numbers.notes


def test_openings_of_practice_data_are_only_those_of_the_search(account_of):
    (opening,) = account_of(won())[1].openings
    assert (opening.search, opening.scores["accuracy"].value) == ("digits", 0.92)


def test_an_opening_is_listed_even_if_its_training_was_lost(account_of):
    kept = [event for event in won() if isinstance(event, events.TestClaimed | events.TestScored)]
    _, account = account_of([*trained(0, 0, 0.9), *kept])
    (opening,) = account.openings
    assert opening.recipe == "unknown"
    assert opening.scores["accuracy"].value == 0.92
    assert "recipe unknown" in " ".join(page(account).split())


def test_the_page_is_complete_and_fits_its_width(account_of):
    text = page(account_of(won())[1])
    flowing = " ".join(text.split())
    for sentence in (
        "6 started",
        "4 finished, 1 stopped early, 1 failed",
        "1 diverged",
        "accuracy 0.9500: the best single score, of the luckiest trial",
        "accuracy 0.9200 (95 % interval 0.8800 to 0.9500)",
        "best mean",
        "torch 2.13",
        "hpo verify",
    ):
        assert sentence in flowing, sentence
    lines = [line for line in text.splitlines() if not line.startswith("reproduce")]
    assert len(lines) < 60
    assert max(map(len, lines)) <= 80


def test_commands_and_digests_on_the_page_are_never_wrapped(account_of):
    _, account = account_of(won())
    lines = page(account).splitlines()
    assert "reproduce    hpo verify digits-recipe.yaml" in lines
    assert any(line.endswith("-again.yaml") and line.startswith("reproduce    cp ") for line in lines)
    assert account.to_json()["reproduce"][0] == (
        "hpo export digits --out digits-recipe.yaml && hpo verify digits-recipe.yaml"
    )


def test_a_missing_winner_is_stated(account_of):
    _, account = account_of(searched())
    assert (account.winner, account.numbers, account.openings) == (None, None, ())
    assert "no winner was named" in page(account)
    assert "never opened" in page(account)
    assert "hpo export" not in page(account)
    assert "hpo submit" in page(account)


def test_a_search_that_no_process_runs_is_not_called_running(tmp_path):
    home = recorded(tmp_path, trained(0, 0, 0.5))
    assert account_of_search("digits", home=home).status == "interrupted"


def test_it_is_written_beside_the_recipe_as_strict_json(account_of):
    home, account = account_of(won())
    home.search("digits").root.mkdir(parents=True)
    write_account(open_ledger("digits", home), home=home, status="done")
    written = json.loads(home.search("digits").account.with_suffix(".json").read_text())
    assert written == json.loads(json.dumps(account.to_json(), allow_nan=False))
    assert home.search("digits").account.read_text() == page(account)


FINAL = ("data.validation={search: 0.2, final: 0.2}", "finalists.rule=race")
FINAL_SPLIT = {"counts": {"train": 600, "validation": 400, "final": 300}, "by": "classes"}


def scored_on_a_final_part():
    """The search of `searched`, its fresh seeds worth 0.03 less on the final part."""
    for event in searched():
        if isinstance(event, events.TrialEnded) and event.replicate:
            value = event.value - 0.03
            scores = {"final/accuracy": value}
            event = dataclasses.replace(event, value=value, scores=scores)  # noqa: PLW2901
        yield event
    reason = "sequential paired t-tests"
    yield events.WinnerNamed(3, 1, 0.905, 0.0071, 2, reason, tied=(1, 3), saved=0)


def test_with_a_final_part_both_estimates_are_unbiased_by_the_search(account_of):
    _, account = account_of(scored_on_a_final_part(), FINAL, FINAL_SPLIT)
    numbers = account.numbers
    assert numbers.fresh.value == pytest.approx(0.90)
    assert numbers.winner.value == pytest.approx(0.905)
    assert numbers.bootstrap < 0.92
    assert not any("final part" in note or "best epoch" in note for note in numbers.notes)
    assert account.to_json()["finalists"] == {
        "rule": "race", "seeds": 2, "folds": None, "on": "final", "alpha": 0.05, "saved": 0,
    }  # fmt: skip
    text = " ".join(page(account).split())
    assert "300 final" in text
    assert "a race over at most 2 fresh seeds, the same for all, on a final part" in text


FOLDS = ("finalists.folds=2", "finalists.seeds=2")
FOLD_SPLIT = {
    "by": "classes",
    "folds": {"count": 2, "deals": 2, "held_out": [700, 700], "rows": 1400, "fingerprint": "e" * 64},
}


def cross_validated():
    for trial, value in enumerate(TRIALS):
        yield from trained(trial, 0, value)
    yield events.FinalistsNamed((1,))
    for replicate, value in enumerate((0.90, 0.94, 0.92, 0.96), 1):
        yield from trained(1, replicate, value)
    yield events.WinnerNamed(1, 1, 0.93, 0.0141, 2, "it had no rival")


def test_folds_count_seed_by_seed_over_all_rows(account_of):
    _, account = account_of(cross_validated(), FOLDS, FOLD_SPLIT)
    numbers = account.numbers
    assert numbers.fresh.value == pytest.approx(0.93)
    assert numbers.winner.value == pytest.approx(0.93)
    # The seeds' means are 0.92 and 0.94; with 1,400 examples behind them the interval is narrower
    # than two seeds alone would give, which is 0.80 to 1.06.
    assert 0.85 < numbers.winner.low < 0.92
    notes = " ".join(numbers.notes)
    assert "folds hold out" in notes
    assert "50% of the rows, the search's trials on 71%" in notes
    text = " ".join(page(account).split())
    assert "2-fold cross-validation of all development rows" in text
    assert "2 folds of 1,400 rows, divided 2 times" in text
    assert account.to_json()["data"]["folds"] == FOLD_SPLIT["folds"]


def test_the_numbers_of_the_last_account_are_read_from_its_file(account_of):
    home, account = account_of(won())
    assert numbers_of("digits", home=home) is None
    home.search("digits").root.mkdir(parents=True)
    write_account(open_ledger("digits", home), home=home, status="done")
    assert numbers_of("digits", home=home) == account.numbers


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"numbers": {"raw": 1}}', '{"numbers": {}}', "null"])
def test_a_file_that_is_not_an_account_has_no_numbers(account_of, text):
    home, _ = account_of(won())
    home.search("digits").root.mkdir(parents=True)
    home.search("digits").account.with_suffix(".json").write_text(text)
    assert numbers_of("digits", home=home) is None


def test_it_suffices_for_the_experiments_section_of_a_paper(account_of):
    _, account = account_of(won())
    text = " ".join(page(account).split())
    for sentence in (
        "image_classifier for 3 epochs on 1 thread (cpu); objective: max of validation accuracy",
        "learning_rate: a number from 0.001 to 0.3, logarithmic",
        "everything else at image_classifier's defaults",
        "sampler auto, scheduler asha with rungs at 1",
        "trial 1: 0.9250, 0.9350",
        "trial 3: 0.9300, 0.9400",
        "hpo submit",
    ):
        assert sentence in text, sentence
    assert [finalist.values for finalist in account.fresh] == [(0.925, 0.935), (0.93, 0.94)]


def test_it_names_the_shipped_model_and_its_digest(account_of):
    files = [{"trial": 3, "replicate": n, "file": f"3-{n}", "sha256": str(n)} for n in (1, 2)]
    fixed = events.ModelFixed("ensemble", tuple(files), "ab" * 32, "the mean prediction of 2")
    story = list(won())
    claim = next(n for n, each in enumerate(story) if isinstance(each, events.TestClaimed))
    _, account = account_of([*story[:claim], fixed, *story[claim:]], ["ship=ensemble"])
    assert [member.seed for member in account.model.members] == [8, 9]
    assert (account.seeds["model"], account.seeds["model 2"]) == (8, 9)
    assert "weights SHA-256 " + "ab" * 8 in " ".join(page(account).split())


def test_the_spec_beside_it_starts_the_same_search_again(account_of):
    home, account = account_of(won())
    home.search("digits").root.mkdir(parents=True)
    write_account(open_ledger("digits", home), home=home, status="done")
    again = read_spec(str(home.search("digits").root / "spec.yaml"), [])
    assert again.digest == account.digest


SCORES = {
    "majority class": {"accuracy": {"value": 0.3, "low": 0.25, "high": 0.35}},
    "boosted trees": {"accuracy": {"value": 0.97, "low": 0.94, "high": 0.99}},
}
APART = {
    "majority class": {"value": 0.62, "low": 0.57, "high": 0.67},
    "boosted trees": {"value": -0.05, "low": -0.08, "high": -0.02},
}


def compared(part, **changes):
    fields = {"scores": SCORES, "differences": APART, **changes}
    return events.BaselinesScored(part, 360, 1000, "accuracy", **fields)


def test_baselines_stand_beside_the_model(account_of):
    story = [*won()]
    story.insert(-2, compared("test"))
    _, account = account_of([*story[:-4], compared("validation", differences={}), *story[-4:]])
    validation, test = account.baselines
    assert (validation.part, validation.rows[0].difference, validation.rows[0].beaten) == (
        "validation",
        None,
        None,
    )
    assert [row.beaten for row in test.rows] == [True, False]
    text = " ".join(page(account).split())
    assert "majority class: accuracy 0.3000 (95 % interval 0.2500 to 0.3500); model less baseline" in text
    assert "attention on the test rows the model is worse than the boosted trees" in text


def test_a_model_that_answers_one_class_is_named_first(account_of):
    story = [*won()]
    story.insert(-2, compared("test", constant="seven"))
    account = account_of(story)[1]
    text = page(account)
    assert text.splitlines()[1].startswith("attention")
    assert "the model always answers one class, 'seven'" in " ".join(text.split())
    assert "always answers one class, 'seven'" in account.to_json()["attention"][0]


def test_an_extended_search_forgets_the_baselines_of_its_former_winner(account_of):
    story = [compared("validation") if isinstance(e, events.TestClaimed) else e for e in won()]
    story = [e for e in story if not isinstance(e, events.TestScored)]
    assert account_of([*story, events.SearchExtended(2)])[1].baselines == ()
