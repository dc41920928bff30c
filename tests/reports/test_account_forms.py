"""The account as a paragraph, as checklists and as a schema says what its JSON says."""

import dataclasses
import json
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from hpo.core import events
from hpo.core.account import Account
from hpo.core.attention import attention
from hpo.core.audit import Audit, ChainStanding
from hpo.core.data_account import DataFacts, LeaksSought, PartFacts
from hpo.core.estimates import ScoreInterval
from hpo.core.model_provenance import NamedScore, ShippedMember, ShippedModel
from hpo.ledger.searches import open_ledger
from hpo.reports.account import page
from hpo.reports.account_schema import account_schema
from hpo.reports.checklist import NOT_KNOWN, checklist_of, checklist_text
from hpo.reports.checklist_items import CHECKLISTS
from hpo.reports.methods import METHODS, SAMPLERS, SCHEDULERS, methods_text
from hpo.reports.references import REFERENCES
from hpo.use_cases.accounting.gathering import gather_account
from tests.use_cases.recorded_search import recorded, searched, won

PART = {"n": 360, "classes": {"a": 300, "b": 60}, "groups": 9, "times": [0.0, 1.7e9], "missing": {"x": 4}}
WITHIN = {
    "spreads": [
        {
            "of": "group",
            "metric": "share right",
            "count": 9,
            "median": 0.9,
            "worst": {"name": "g1", "n": 20, "value": 0.5},
            "best": {"name": "g2", "n": 30, "value": 1.0},
        }
    ],
    "threshold": "the class with the largest output",
    "slope": 0.8,
    "slope_error": 0.1,
}


STORY = tuple(won())


@pytest.fixture
def account(tmp_path) -> Account:
    story = list(won())
    scores = {"linear model": {"accuracy": {"value": 0.9, "low": 0.86, "high": 0.93}}}
    story.insert(-2, events.BaselinesScored("test", 360, 1000, "accuracy", scores))
    story.insert(-2, events.TestDescribed(PART, WITHIN))
    home = recorded(tmp_path, story)
    return gather_account(open_ledger("digits", home), home=home)


def faults(shown):
    return [error.message for error in Draft202012Validator(account_schema()).iter_errors(shown)]


def test_the_schema_describes_every_item(account):
    schema, shown = account_schema(), account.to_json()
    assert set(schema["properties"]) == set(shown)
    assert faults(shown) == []
    assert faults({**shown, "status": 3}) != []
    assert [name for name, field in schema["properties"].items() if "description" not in field] == []


def test_the_account_of_an_unfinished_search_fits_the_schema_too(tmp_path):
    home = recorded(tmp_path, searched())
    assert faults(gather_account(open_ledger("digits", home), home=home).to_json()) == []


@settings(max_examples=12)
@given(length=st.integers(0, len(STORY)))
def test_the_account_of_any_prefix_of_a_record_fits_the_schema_and_is_strict_json(length, tmp_path_factory):
    home = recorded(tmp_path_factory.mktemp("prefix"), STORY[:length])
    shown = gather_account(open_ledger("digits", home), home=home).to_json()
    assert faults(shown) == []
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown


def test_a_model_and_an_audit_fit_the_schema(account):
    score = NamedScore("validation/accuracy", 0.9)
    member = ShippedMember(3, 1, 8, "search", None, 0, "3-1.safetensors", "a" * 64, score)
    model = ShippedModel("best", "the best epoch", "a" * 64, "weights", (member,))
    audit = Audit("digits", ChainStanding(9, "b" * 64, "c" * 64, 1), ("the chain of events",), (), ())
    assert faults(dataclasses.replace(account, model=model, audit=audit).to_json()) == []
    other = dataclasses.replace(model, members=(dataclasses.replace(member, recipe={"learning_rate": 0.1}),))
    signed = dataclasses.replace(audit, signer="ana")
    assert faults(dataclasses.replace(account, model=other, audit=signed).to_json()) == []


def test_checklists_ask_for_target_gaps_and_dates_and_get_no_other_answer(account):
    parts = {"train": PartFacts(1000, classes={"a": 600, "b": 400})}
    undated = DataFacts("table", "classification", target="ill", columns=("x",), parts=parts)

    def answers(about):
        items = checklist_of(dataclasses.replace(account, about=about))
        return {(item.checklist, item.item): item.answer for item in items}

    assert answers(undated)["REFORMS", "3d"] == "target: ill, one of 2 classes (a, b)"
    assert "no missing values" in answers(undated)["REFORMS", "3f"]
    assert answers(undated)["TRIPOD+AI", "5b"] == NOT_KNOWN
    dated = {"train": dataclasses.replace(parts["train"], times=(1.6e9, 1.7e9))}
    assert "2020-09-13" in answers(dataclasses.replace(undated, parts=dated))["TRIPOD+AI", "5b"]


def test_predictions_that_are_not_numbers_stand_first(account):
    assert "not numbers" not in page(account)
    missing = "4 of 360 predictions are not numbers"
    scored = dataclasses.replace(account.numbers.test["accuracy"], method="Wilson", missing=missing)
    numbers = dataclasses.replace(account.numbers, test={"accuracy": scored})
    first = attention(numbers, "accuracy", account.baselines)
    shown = page(dataclasses.replace(account, numbers=numbers, attention=first))
    assert "attention    4 of 360 predictions are not numbers on the test part; the scores" in shown
    assert "Wilson; 4 of 360 predictions are not numbers" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("classes", "reason"),
    [
        ({"a": 360, "b": 0}, "all of its rows are of one class"),
        (dict.fromkeys(map(str, range(200)), 2), "it has rows of 200 classes, and at most 20 are ranked"),
        ({"a": 300, "b": 60}, ""),
    ],
)
def test_metrics_of_an_order_that_have_no_value_say_why(account, classes, reason):
    score = account.numbers.test["accuracy"]
    rows = dataclasses.replace(account.test_rows, classes=classes)
    test = {"accuracy": score, "balanced_accuracy": score} | ({} if reason else {"roc_auc": score})
    numbers = dataclasses.replace(account.numbers, test=test)
    text = " ".join(page(dataclasses.replace(account, test_rows=rows, numbers=numbers)).split())
    sentence = "roc_auc and average_precision have no value on the test part, because "
    assert (sentence in text) is bool(reason)
    assert sentence + reason in text or not reason


def test_a_further_look_states_the_level_of_its_intervals(account):
    assert "look number" not in page(account)
    shown = page(dataclasses.replace(account, look=3, look_reason="a new recipe", level=1 - 0.05 / 3))
    text = " ".join(shown.split())
    assert "look number 3, because: a new recipe; each of these intervals alone holds with 98.33 %" in text


def test_a_test_score_that_is_no_number_stands_first_with_its_reason(account):
    method, missing = "no interval: the score is not finite", "4 of 360 values are not numbers"
    test = {"accuracy": ScoreInterval(math.nan, method=method, missing=missing)}
    numbers = dataclasses.replace(account.numbers, test=test)
    first = attention(numbers, "accuracy", account.baselines)
    shown = page(dataclasses.replace(account, numbers=numbers, attention=first))
    assert "attention    the test score accuracy is not a number: 4 of 360 values are not" in shown


def test_the_explained_share_of_equal_test_targets_has_no_value_and_says_why(account):
    rows = PartFacts(9, targets={"least": 1.5, "mean": 1.5, "greatest": 1.5})
    numbers = dataclasses.replace(account.numbers, test={"mean_squared_error": ScoreInterval(0.2)})
    shown = page(dataclasses.replace(account, test_rows=rows, numbers=numbers))
    text = " ".join(shown.split())
    assert "r2 has no value on the test part, because all of its targets are equal" in text
    assert "mean_squared_error 0.2000: secondary" in text
    first = attention(numbers, "r2", ())
    assert first == ("the objective's metric, r2, has no value on the test part",)


@pytest.mark.parametrize(
    ("rule", "words"), [("given", "given separately"), ("time", "cut off by time: the latest rows")]
)
def test_how_the_test_part_came_to_be_is_said_apart_from_the_split(account, rule, words):
    about = DataFacts("table", "classification", test_part=rule)
    data = dataclasses.replace(account.data, by="classes")
    came = dataclasses.replace(account, about=about, data=data)
    text = " ".join(page(came).split())
    assert f"test part: {words} rows outside the test part: divided by chance, keeping" in text
    assert f"the test part was {words}, and those outside the test part were divided" in methods_text(came)


def test_the_paragraph_counts_openings_that_only_the_score_knows(account):
    assert "has been opened once" in methods_text(account)
    assert "has been opened 3 times" in methods_text(dataclasses.replace(account, look=3))
    sealed = methods_text(dataclasses.replace(account, look=0))
    assert "This search has not opened the test part; other searches have, once." in sealed


def test_the_paragraph_cites_what_the_default_sampler_is_made_of(account):
    text = methods_text(account)
    assert account.setting.sampler.name == "auto"
    assert "Thompson sampling" in text
    assert "piBO" in text
    assert "Algorithms for hyper-parameter optimization" not in text


def test_every_item_has_an_answer_or_says_that_it_is_not_known(account):
    items = checklist_of(account)
    assert {item.checklist for item in items} == set(CHECKLISTS)
    assert len(items) == sum(map(len, CHECKLISTS.values())) == 32 + 16 + 52 + 10
    answers = {(item.checklist, item.item): item.answer for item in items}
    assert "linear model" in answers["REFORMS", "5f"]
    assert answers["NeurIPS", "15"] == NOT_KNOWN
    assert "worst 0.5000 (g1, 20 rows)" in answers["TRIPOD+AI", "23b"]
    assert "slope 0.8000" in answers["TRIPOD+AI", "12e"]
    assert "expected best validation accuracy" in answers["Show Your Work", "10"]
    assert NOT_KNOWN in checklist_text(account)


def test_the_paragraph_states_the_numbers_and_cites_their_methods(account):
    text = methods_text(account)
    parts = ", ".join(f"{n:,} {part}" for part, n in account.data.counts.items())
    assert f"have {parts} and {account.data.test.n:,} test rows; those outside the test part were" in text
    assert "Its test accuracy is 0.9200 (95 % interval 0.8800 to 0.9500)" in text
    assert "6 trials started; 4 were fully trained (3 epochs)" in text
    assert "linear model 0.9000" in text
    assert "2 fresh seeds each, and the winner was chosen by their mean, the cheaper of those within" in text
    raced = dataclasses.replace(account, finalists=dataclasses.replace(account.finalists, rule="race"))
    assert "on at most 2 fresh seeds each, and the winner was chosen in a race of" in methods_text(raced)
    latex = methods_text(account, latex=True)
    assert "95 \\% interval" in latex
    keys = {key for cited in re.findall(r"\\cite{(.*?)}", latex) for key in cited.split(",")}
    assert keys == set(re.findall(r"@\w+{(\w+),", latex))
    assert keys <= REFERENCES.keys()


def test_the_paragraph_names_the_trainable_and_the_groups_that_an_interval_is_over(account):
    scored = dataclasses.replace(
        account.numbers.test["accuracy"], method="Wilson over 16 groups, which are few"
    )
    numbers = dataclasses.replace(account.numbers, test={"accuracy": scored})
    text = methods_text(dataclasses.replace(account, numbers=numbers))
    assert f"of the trainable {account.setting.trainable} were searched" in text
    assert "Its test accuracy is 0.9200 (95 % interval 0.8800 to 0.9500 over 16 groups)" in text


def test_a_list_does_not_take_a_card_for_an_answer(account):
    about = DataFacts("table", "classification", columns=("x",), card="Visits of 80 patients.")
    items = checklist_of(dataclasses.replace(account, about=about))
    answers = {(item.checklist, item.item): item.answer for item in items}
    assert answers["NeurIPS", "12"] == "data card, which hpo only quotes: Visits of 80 patients."
    assert answers["TRIPOD+AI", "18c"] == NOT_KNOWN


def test_the_page_says_that_no_column_tells_anything_by_itself(account):
    about = DataFacts("table", "classification", columns=("x",))
    sought = LeaksSought(("columns, and pairs of columns, that reveal the target",), (), (), ())
    shown = page(dataclasses.replace(account, about=about, leaks=sought))
    assert "no single one removes any of the error by itself" in shown
    unsought = dataclasses.replace(sought, sought=())
    assert "no single one" not in page(dataclasses.replace(account, about=about, leaks=unsought))


def test_every_method_has_its_reference():
    named = {key for keys in (*SAMPLERS.values(), *SCHEDULERS.values()) for key in keys}
    assert named | set(METHODS.values()) | {"dodge2019", "pedregosa2011"} == REFERENCES.keys()


def test_the_page_says_what_the_test_part_holds_and_what_the_search_cost(account):
    text = " ".join(page(account).split())
    assert "compute" in text
    assert "of training" in text
    assert "by group share right of the test rows: median 0.9000 of 9" in text
    assert "primary, set in the spec before the search" in text
    assert "limits the test part comes from the same source" in text
    assert "expected best validation accuracy by number of fully trained trials: 1: 0.9325, 2: 0.9433" in text


def test_an_account_with_constraints_fits_the_schema_and_shows_them(tmp_path):
    limits = "constraints=[{metric: loss, at_most: 0.5}, {metric: parameters, at_most: 1000}]"
    home = recorded(tmp_path, won(), [limits])
    account = gather_account(open_ledger("digits", home), home=home)
    assert faults(account.to_json()) == []
    assert "validation/loss at most 0.5; parameters at most 1,000" in " ".join(page(account).split())
