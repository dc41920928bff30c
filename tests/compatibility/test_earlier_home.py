"""A home written by version 0.1.0 is listed, resumed, verified and exported as by that version."""

import dataclasses
import shutil

import pytest

from tests.compatibility.earlier import EXPORTED, READS, SEARCHES, Earlier, differences, expected, layout
from tests.compatibility.questions import VERIFIED, predicted, resumed, verified

ELSEWHERE = frozenset({"sha256", "examples_sha256", "digest"})
"""Fields that another processor changes, where torch trained."""


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """The home as it was, for questions that change nothing."""
    return Earlier.unpacked(tmp_path_factory.mktemp("earlier"))


@pytest.fixture
def own(tmp_path):
    """The home as it was, for one test."""
    return Earlier.unpacked(tmp_path)


def assert_same(found, kept, close=1e-9):
    assert list(differences(found, kept, close=close)) == []


@pytest.mark.parametrize("name", READS)
def test_records_are_read_as_before(earlier, name):
    before = {search: earlier.events(search) for search in SEARCHES}
    assert_same(earlier.ask(*READS[name]), expected(name))
    assert {search: earlier.events(search) for search in SEARCHES} == before


@pytest.mark.parametrize("name", EXPORTED)
def test_recipes_are_exported_byte_for_byte(earlier, name):
    written = (earlier.root / "home" / "searches" / name / "recipe.yaml").read_text()
    code, text, err = earlier.run("export", name)
    assert (code, text) == (0, written), err


def test_the_account_is_a_page(earlier):
    code, text, err = earlier.run("account", "digits")
    model = expected("account-digits")["json"]["model"]
    assert (code, err) == (0, "")
    assert model["digest"][:12] in text


@pytest.mark.parametrize("name", ["digits", "table", "race"])
def test_models_predict_as_before(earlier, name):
    assert_same(predicted(earlier, name), expected(f"predict-{name}"), close=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", VERIFIED)
def test_recipes_are_verified_as_before(earlier, name):
    found, kept = verified(earlier, name), expected(f"verify-{name}")
    if name != "plain":  # of torch's trainings, which another processor repeats within tolerance
        assert found["json"]["result"] in ("identical", "within tolerance")
        kept["json"] |= {key: found["json"][key] for key in ("result", "found", "same_weights", "difference")}
    assert_same(found, kept)


@pytest.mark.slow
def test_an_interrupted_search_is_resumed_to_its_end(own):
    before = {search: own.events(search) for search in SEARCHES}
    found, kept = resumed(own), expected("resumed")
    for result in (found, kept):
        result["events"] = [[kind, _by_name(_without(body, ELSEWHERE))] for kind, body in result["events"]]
    # A later version may report more metrics and set more tags; those of an earlier one stay.
    for table in ("metrics", "tags"):
        shown = found["mlflow"][table]
        found["mlflow"][table] = [name for name in shown if name in kept["mlflow"][table]]
    assert_same(found, kept, close=0.03)
    after = {search: own.events(search) for search in SEARCHES}
    interrupted = after["interrupted"]
    assert [seq for seq, *_ in interrupted] == list(range(1, len(interrupted) + 1))
    assert interrupted[: len(before["interrupted"])] == before["interrupted"]
    assert {**after, "interrupted": []} == {**before, "interrupted": []}
    (listed,) = (each for each in own.ask("list")["json"] if each["name"] == "interrupted")
    assert (listed["status"], listed["trials"]) == ("done", 3)


@pytest.mark.slow
def test_an_opening_on_the_earlier_register_closes_the_test_part(own):
    before, openings = own.events("race"), own.ask("ledger")
    answer = own.ask("test", "race")
    assert answer["exit_code"] == 3
    new = own.events("race")[len(before) :]
    assert [kind for _, _, kind, _ in new] == ["TestRefused"]
    assert own.ask("ledger") == openings


CHANGED_SINCE = {
    "[0][1].digest",  # of the spec
    "[0][1].spec.finalists.prefer",  # a tie goes to the best mean by default, not to the cheapest
    "[97][1].scores.mse.low",  # intervals of squared errors allow for their heavy tail
    "[97][1].scores.mse.high",
}
"""Deliberate differences between a search submitted today and one of the earlier version."""


@pytest.mark.slow
def test_the_same_search_leaves_the_same_record_today(own):
    again = dataclasses.replace(own, root=own.root / "again")
    again.root.mkdir()
    shutil.copytree(own.root / "sources", again.root / "sources")
    code, _, err = again.run("submit", "plain.yaml", "--name", "plain", "--tag", "purpose=fixture")
    assert code == 0, err
    found = list(differences(again.decisions("plain"), own.decisions("plain")))
    assert {text.partition(": ")[0] for text in found} == CHANGED_SINCE
    ledgers = [dict(layout(each.ledger)) for each in (again, own)]
    chained = ledgers[1]["events"].replace("NOT NULL, PRIMARY", "NOT NULL, digest BLOB, link BLOB, PRIMARY")
    added = {"requests", "ix_requests_search", "summaries", "leases", "claims"}  # beside the record
    assert ledgers[0].keys() - ledgers[1].keys() == added
    assert {key: ledgers[0][key] for key in ledgers[1]} == {**ledgers[1], "events": chained}
    tables = [dict(layout(each.root / "register.db")) for each in (again, own)]
    assert tables[0].keys() - tables[1].keys() == {"secret", "signatures", "cuts", "validation_uses"}
    assert tables[1].keys() <= tables[0].keys()
    files = [_files(each.root / "home" / "searches" / "plain") for each in (again, own)]
    added = ["report.html", "submitted.yaml"]  # artifacts of the search's run, too
    assert files[0] == sorted([*files[1], *added])


def _without(body, names):
    """A body without some names, in what it holds as well."""
    if isinstance(body, list):
        return [_without(each, names) for each in body]
    if isinstance(body, dict):
        return {name: _without(value, names) for name, value in body.items() if name not in names}
    return body


def _by_name(body):
    """A body whose metrics, a list of names, are the keys of a mapping."""
    return {**body, "metrics": dict.fromkeys(body["metrics"])} if "metrics" in body else body


def _files(folder):
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*"))
