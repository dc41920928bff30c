"""Whatever is edited in a search's record or files is found and named.

A thousand random edits of events are in ``tests/core/test_chain_check.py``, without a database.
"""

import dataclasses
import hashlib
import json
import random
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from hpo.core import events
from hpo.core.chain import ChainHead, digest_of, link_after, start_of
from hpo.core.errors import HpoError, UserError
from hpo.core.home import Home
from hpo.core.shipped_model import model_of
from hpo.ledger.opening import Opening
from hpo.ledger.register import Register
from hpo.ledger.searches import open_ledger, read_history
from hpo.reports.account import page
from hpo.spec import parse_spec
from hpo.use_cases.account import account_of
from hpo.use_cases.accounting.files import write_account
from hpo.use_cases.audit import audit_account, audit_search
from hpo.use_cases.auditing.accounts import without_later_fields
from hpo.use_cases.model.register_policy import claim_key
from hpo.use_cases.model.winning_recipe import write_recipe
from tests.use_cases.recorded_search import recorded, searched

EDITS = 40
SCORES = {"accuracy": {"value": 0.92, "low": 0.88, "high": 0.95}}


def kept(weights):
    """The events up to a winner, whose fresh trainings left weights."""
    for event in searched():
        if isinstance(event, events.TrialEnded) and event.replicate:
            file = f"{event.trial}-{event.replicate}.safetensors"
            content = f"weights {file}".encode()
            (weights / file).write_bytes(content)
            event = dataclasses.replace(event, weights=file, sha256=hashlib.sha256(content).hexdigest())  # noqa: PLW2901
        yield event
    yield events.WinnerNamed(3, 1, 0.935, 0.0071, 2, "it has the best mean")


def finished(folder, register):
    """A home with a search whose model is fixed, tested, exported and accounted for."""
    folder.mkdir(parents=True)
    weights = Home(folder / "home").create().search("digits").weights
    weights.mkdir(parents=True)
    home = recorded(folder, kept(weights))
    ledger = open_ledger("digits", home)
    ledger.append([model_of(read_history(ledger))])
    model = read_history(ledger).model
    claim = ledger.claim(events.TestClaimed(3, 1, model.digest, "process 1 on host"))
    opening = Opening(
        claim_key("digits", claim), "t" * 64, 360, "me", "digits", str(home.root), "digits", "recipe",
        events=claim.seq, head=claim.link,
    )  # fmt: skip
    register.begin(opening, np.zeros((0, 2), np.uint64))
    register.complete(opening.key, SCORES)
    ledger.append([events.TestScored(SCORES, 360, "t" * 64)])
    spec = parse_spec(read_history(ledger).opened.spec, source="digits")
    write_recipe(home, spec, ledger)
    write_account(ledger, home=home, status="done")
    ledger.append([events.SearchEnded("done")])
    return home


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A folder with a finished search and its register, which no test changes."""
    folder = tmp_path_factory.mktemp("audited") / "original"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HPO_REGISTER", str(folder.parent / "register.db"))
        finished(folder, Register(folder.parent / "register.db"))
    return folder


@pytest.fixture
def home(original, monkeypatch):
    """The finished search, to be edited; the home is where it was, so that its paths stay."""
    monkeypatch.setenv("HPO_REGISTER", str(original.parent / "register.db"))
    copy = original.parent / "copy"
    shutil.copytree(original / "home", copy)
    register = (original.parent / "register.db").read_bytes()
    yield Home(original / "home")
    shutil.rmtree(original / "home")
    copy.rename(original / "home")
    (original.parent / "register.db").write_bytes(register)


def found(home, **options):
    return [
        (finding.edit, finding.what, finding.event)
        for finding in audit_search("digits", home=home, **options).findings
    ]


def test_an_untouched_search_has_no_findings(home):
    audit = audit_search("digits", home=home)
    assert audit.findings == ()
    assert audit.exit_code == 0
    assert audit.compared == (
        "the chain of events", "the test-use register", "the recipe", "4 files of weights", "account.json",
    )  # fmt: skip
    assert audit.notes == ()
    assert audit.chain.events == len(open_ledger("digits", home).stored())
    assert "attention" not in page(account_of("digits", home=home))


class Record:
    """The events of the search as rows, which an edit may do anything to."""

    def __init__(self, home):
        self.path = home.ledger
        with closing(sqlite3.connect(self.path)) as database:
            self.search, *_ = database.execute("SELECT id FROM searches").fetchone()
            query = "SELECT seq, time, kind, body, digest, link FROM events ORDER BY seq"
            self.rows = [list(row) for row in database.execute(query)]

    def write(self, rows):
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute("DELETE FROM events")
            database.executemany(f"INSERT INTO events VALUES ({self.search}, ?, ?, ?, ?, ?, ?)", rows)

    def edited(self, draw, anew):
        """A random edit, its name and where it was made; then, if asked for, the chain computed anew."""
        rows = [list(row) for row in self.rows]
        at = draw.randrange(1, len(rows) - 2)
        edit = draw.choice(["changed", "deleted", "inserted", "reordered"])
        if edit == "changed":
            column, value = draw.choice([(1, 3.5), (3, '{"message": "edited"}')])
            rows[at][column] = value
        elif edit == "deleted":
            del rows[at]
        elif edit == "inserted":
            rows.insert(at, [0, 5.0, "Warned", '{"message": "inserted"}', None, None])
        else:
            other = at + draw.randrange(1, len(rows) - 1 - at) if at < len(rows) - 2 else at + 1
            rows[at], rows[other] = rows[other], rows[at]
        link = start_of("digits")
        for seq, row in enumerate(rows, 1):
            row[0] = seq
            if anew:
                row[4] = digest_of(*row[1:4])
                link = row[5] = link_after(link, row[4])
        return edit, at + 1, rows


@pytest.mark.parametrize("anew", [False, True], ids=["chain left", "chain computed anew"])
def test_random_edits_of_events_are_found_and_named(home, anew):
    draw, record = random.Random(int(anew)), Record(home)
    claimed = next(row[0] for row in record.rows if row[2] == "TestClaimed")
    for number in range(EDITS):
        edit, at, rows = record.edited(draw, anew)
        if anew and at >= claimed:
            continue  # a chain that was computed again is found by a head that was kept after the edit
        record.write(rows)
        findings = audit_search("digits", home=home).findings
        assert findings, (number, edit, at)
        edits = {finding.edit for finding in findings if finding.what == "event"}
        if anew and edits:  # the event cannot be read, which is found without a head
            assert edits == {"rewritten"}
            assert findings[0].event >= at
        elif anew:
            assert {finding.edit for finding in findings} & {"rewritten", "foreign", "missing"}, findings
        else:
            assert edits == {edit}, (number, edit, at, findings)


def test_events_deleted_at_the_end_are_missed_by_what_was_kept_elsewhere(home):
    record = Record(home)
    for last in ("TestClaimed", "ModelFixed", "WinnerNamed"):
        rows = [row for row in record.rows if row[0] < next(r[0] for r in record.rows if r[2] == last)]
        record.write(rows)
        assert "deleted" in {edit for edit, *_ in found(home)}


def test_a_deleted_event_is_not_named_as_a_change_of_recipe_and_account(home):
    record = Record(home)
    del record.rows[8]
    for seq, row in enumerate(record.rows, 1):
        row[0] = seq
    record.write(record.rows)
    audit = audit_search("digits", home=home)
    assert [(finding.edit, finding.what) for finding in audit.findings] == [("deleted", "event")]
    assert "the record was edited, so recipe.yaml was not compared" in audit.notes


def test_a_score_edited_in_record_and_chain_differs_from_the_register(home):
    record = Record(home)
    (scored,) = (row for row in record.rows if row[2] == "TestScored")
    scored[3] = scored[3].replace("0.92", "0.99")
    scored[4] = digest_of(*scored[1:4])
    link = record.rows[scored[0] - 2][5]
    for row in record.rows[scored[0] - 1 :]:
        link = row[5] = link_after(link, row[4])
    record.write(record.rows)
    findings = audit_search("digits", home=home).findings
    assert ("changed", "the test-use register", scored[0]) in [(f.edit, f.what, f.event) for f in findings]
    assert any("accuracy.value is 0.99 in the record and 0.92" in finding.text for finding in findings)


def test_the_account_itself_says_that_a_score_was_edited(home):
    record = Record(home)
    (scored,) = (row for row in record.rows if row[2] == "TestScored")
    scored[3] = scored[3].replace("0.92", "0.99")
    record.write(record.rows)
    account = account_of("digits", home=home)
    assert account.audit.exit_code == 1
    assert f"event {scored[0]} (TestScored) was changed after it was written" in " ".join(
        page(account).split()
    )
    assert account.to_json()["audit"]["findings"][0]["edit"] == "changed"


def test_an_account_of_a_record_that_cannot_be_read_names_the_edit(home):
    record = Record(home)
    record.rows[1], record.rows[2] = record.rows[2], record.rows[1]
    for seq, row in enumerate(record.rows, 1):
        row[0] = seq
    record.write(record.rows)
    with pytest.raises(HpoError, match=r"was moved: it was written at another position"):
        account_of("digits", home=home)


def test_a_swapped_weight_file_is_named(home):
    weights = home.search("digits").weights
    (weights / "3-1.safetensors").write_bytes((weights / "1-1.safetensors").read_bytes())
    assert found(home) == [("swapped", "weights/3-1.safetensors", None)]
    (weights / "3-1.safetensors").unlink()
    assert found(home) == [("missing", "weights/3-1.safetensors", None)]


def test_an_edited_recipe_is_named_by_its_field(home):
    recipe = home.search("digits").recipe
    text = recipe.read_text()
    recipe.write_text(text.replace("value: 0.92", "value: 0.99"))
    (finding,) = audit_search("digits", home=home).findings
    assert (finding.edit, finding.what) == ("changed", "recipe.yaml")
    assert "provenance.test.accuracy.value is 0.99, on record 0.92" in finding.text
    recipe.write_text("[")
    assert [edit for edit, *_ in found(home)] == ["changed"]
    recipe.unlink()
    assert found(home) == [("missing", "recipe.yaml", None)]


def test_an_edited_account_is_named_by_its_field(home):
    path = home.search("digits").account.with_suffix(".json")
    account = json.loads(path.read_text())
    account["numbers"]["test"]["accuracy"]["value"] = 0.99
    path.write_text(json.dumps(account))
    (finding,) = audit_search("digits", home=home).findings
    assert "account.json was changed: numbers.test.accuracy.value is 0.99, on record 0.92" in finding.text
    del account["chain"]
    path.write_text(json.dumps(account))
    assert found(home) == [("changed", "account.json", None)]
    path.write_text("{")
    assert found(home) == [("changed", "account.json", None)]


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (
            lambda account: account["chain"].update(events=7),
            "it states 7 events, but its head is the link of",
        ),
        (lambda account: account["baselines"].append({"part": "test"}), "baselines is"),
        (lambda account: account.update(chain=account["chain"] | {"events": "7"}), "it states no chain"),
    ],
)
def test_no_field_of_an_account_is_edited_unseen(home, edit, text):
    path = home.search("digits").account.with_suffix(".json")
    account = json.loads(path.read_text())
    edit(account)
    path.write_text(json.dumps(account))
    (finding,) = audit_search("digits", home=home).findings
    assert (finding.edit, finding.what) == ("changed", "account.json")
    assert text in finding.text


def test_an_account_that_states_an_earlier_head_is_compared_with_the_record_up_to_there(home):
    path = home.search("digits").account.with_suffix(".json")
    account = json.loads(path.read_text())
    early = open_ledger("digits", home).stored()[4]
    account["chain"] |= {"events": early.seq, "head": early.link.hex()}
    path.write_text(json.dumps(account))
    texts = [finding.text for finding in audit_search("digits", home=home).findings]
    assert any("numbers.test" in text and "on record None" in text for text in texts), texts


def test_an_account_that_does_not_say_whether_code_was_put_back_is_not_an_edit(home):
    open_ledger("digits", home).append([events.CodeChanged("test", ("own.py",), {"own.py": "0" * 64})])
    account = account_of("digits", home=home).to_json()
    path = home.search("digits").account.with_suffix(".json")
    (change,) = account["code"]["changes"]
    assert change.pop("put_back") is False
    path.write_text(json.dumps(account))
    assert "account.json" not in [what for _, what, _ in found(home)]
    change["put_back"] = True
    path.write_text(json.dumps(account))
    assert ("changed", "account.json", None) in found(home)


def test_an_account_that_does_not_say_how_the_test_part_came_to_be_is_not_an_edit():
    recorded_now = {"about": {"task": "regression", "test_part": ""}, "code": {"changes": []}}
    earlier = {"about": {"task": "regression"}, "code": {"changes": []}}
    assert without_later_fields(recorded_now, earlier) == earlier
    assert without_later_fields(recorded_now, recorded_now) == recorded_now


def test_an_account_that_is_older_than_a_continued_search_is_not_an_edit(home):
    open_ledger("digits", home).append([events.SearchExtended(2)])
    audit = audit_search("digits", home=home)
    assert audit.findings == ()
    assert "account.json" in audit.compared


def test_an_account_from_another_ledger_is_foreign(home, tmp_path, monkeypatch):
    monkeypatch.setenv("HPO_REGISTER", str(tmp_path / "other.db"))
    other = finished(tmp_path / "other", Register(tmp_path / "other.db"))
    path = other.search("digits").account.with_suffix(".json")
    monkeypatch.undo()
    (finding,) = (f for f in audit_search("digits", home=home, account=path).findings if f.what == str(path))
    assert finding.edit == "foreign"
    assert "is from another ledger" in finding.text


def test_an_account_by_itself_is_checked_for_contradictions(home, tmp_path):
    path = home.search("digits").account.with_suffix(".json")
    audit = audit_account(path)
    assert audit.findings == ()
    assert "an edited score would not be found" in audit.notes[0]
    account = json.loads(path.read_text())
    account["model"]["members"][0]["sha256"] = "0" * 64
    account["spec"]["seed"] = 99
    edited = tmp_path / "edited.json"
    edited.write_text(json.dumps(account))
    assert [finding.edit for finding in audit_account(edited).findings] == ["changed", "changed"]
    account["chain"], account["model"] = {"events": "many"}, {"members": [3]}
    edited.write_text(json.dumps(account))
    assert [finding.edit for finding in audit_account(edited).findings] == ["changed"] * 3


@pytest.mark.parametrize(
    "content",
    [
        *(None, "{", "[]", "[" * 100_000, '{"search": "x"}'),
        '{"search": "x", "spec": [], "digest": "", "chain": {}}',
        '{"search": "x", "spec": {}, "digest": "", "chain": null}',
        '{"search": 1, "spec": {}, "digest": "", "chain": {}}',
    ],
)
def test_what_is_not_an_account_is_refused(tmp_path, content):
    path = tmp_path / "file.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match="--account"):
        audit_account(path)


def test_an_opening_that_the_register_lost_is_missed(home, original):
    with closing(sqlite3.connect(original.parent / "register.db")) as database, database:
        database.execute("DELETE FROM openings")
    assert [(edit, what) for edit, what, _ in found(home)] == [("missing", "the test-use register")]


def test_a_register_that_cannot_be_used_is_not_an_edit_of_the_record(home, original):
    (original.parent / "register.db").write_bytes(b"no database" * 500)
    with pytest.raises(UserError, match=r"digits was not audited: the test-use register at .* is damaged"):
        audit_search("digits", home=home)


def test_recipe_account_and_register_state_the_head(home, original):
    record = open_ledger("digits", home).stored()
    links = {event.seq: event.link.hex() for event in record if event.link}
    kinds = {event.kind: event.seq for event in record}
    history = read_history(open_ledger("digits", home))
    assert history.concluded == ChainHead(kinds["TestScored"], links[kinds["TestScored"]])
    assert f"head: {links[kinds['TestScored']]}" in home.search("digits").recipe.read_text()
    (opening,) = Register(original.parent / "register.db").all()
    assert (opening.events, opening.head) == (kinds["TestClaimed"], links[kinds["TestClaimed"]])
    chain = json.loads(home.search("digits").account.with_suffix(".json").read_text())["chain"]
    seq = kinds["RecipeExported"]
    assert chain == {"events": seq, "head": links[seq], "first": links[1], "began": 1}


def test_a_record_of_an_earlier_version_says_that_it_has_no_chain(home):
    record = Record(home)
    record.write([[*row[:4], None, None] for row in record.rows])
    audit = audit_search("digits", home=home)
    assert any("no chain: an earlier version wrote them" in note for note in audit.notes)
    open_ledger("digits", home).append([events.Warned("written to")])
    audit = audit_search("digits", home=home)
    assert any(f"the chain began at event {len(record.rows) + 1}" in note for note in audit.notes)
