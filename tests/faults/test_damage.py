"""Truncated, missing or overwritten files are reported; the search continues from intact ones."""

import json
import shutil

import pytest

from hpo.core import events
from tests.faults.promises import check, check_mirror, check_replay, note
from tests.faults.tiny_search import Place, after, decisions, kill, number, three_checkpoints

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(600)]


def killed_at(place, moment, **environment):
    """A search whose driver and workers were killed at a moment; its record and its runs."""
    process = place.start("submit", "tiny.yaml", "--json", **environment)
    place.wait_for(process, moment)
    kill(process)
    place.wait_until_gone()
    return place.record(), place.runs()


def keys(record, kind):
    return {(e.event.trial, e.event.replicate) for e in record if isinstance(e.event, kind)}


def newest_checkpoints(place, killed):
    """Files of the newest two checkpoints of the training that was under way, the newest first."""
    (key,) = keys(killed, events.TrialStarted) - keys(killed, events.TrialEnded)
    written = [
        e.event
        for e in killed
        if isinstance(e.event, events.Checkpointed) and (e.event.trial, e.event.replicate) == key
    ]
    return [place.search.checkpoints / each.file for each in reversed(written[-2:])]


def cut_in_half(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize(
    ("fault", "first", "second"),
    [
        ("a checkpoint cut in half", cut_in_half, None),
        ("a checkpoint missing", lambda file: file.unlink(), None),
        ("two checkpoints damaged", cut_in_half, lambda f: f.unlink()),
    ],
)
def test_a_damaged_checkpoint_is_reported_and_the_previous_one_is_used(
    fault, first, second, place, undisturbed
):
    killed, runs = killed_at(place, three_checkpoints, TINY_SECONDS="1.2")
    files = newest_checkpoints(place, killed)
    first(files[0])
    if second:
        second(files[1])
    seconds = place.resumed()
    messages = [e.event.message for e in place.record() if isinstance(e.event, events.Warned)]
    messages = [message for message in messages if "continuing from an earlier one" in message]
    for file in files[: 2 if second else 1]:
        assert sum(file.name in message for message in messages) == 1
    check(fault, place, undisturbed, killed, runs, seconds)


@pytest.mark.parametrize("harm", [cut_in_half, lambda file: file.unlink()])
def test_lost_weights_of_the_model_are_trained_again(harm, place, undisturbed):
    killed, runs = killed_at(place, after(events.WinnerNamed))
    (won,) = (e.event for e in killed if isinstance(e.event, events.WinnerNamed))
    file = place.search.weights / f"{won.trial}-{won.replicate}.safetensors"
    whole = file.read_bytes()
    harm(file)
    seconds = place.resumed()
    messages = [e.event.message for e in place.record() if isinstance(e.event, events.Warned)]
    assert sum(file.name in message and "the training is repeated" in message for message in messages) == 1
    assert file.read_bytes() == whole
    check("the model's weights damaged", place, undisturbed, killed, runs, seconds)


def test_a_log_cut_short_recovers_to_the_last_commit(place, undisturbed, tmp_path_factory):
    process = place.start("submit", "tiny.yaml", "--json")
    place.wait_for(process, after(events.TrialEnded, 5))
    for each in (process, *place.processes("")):  # as after a power cut: closing a ledger would merge its log
        each.kill()
    process.wait(60)
    place.wait_until_gone()
    copy = Place(tmp_path_factory.mktemp("copy"))
    shutil.copytree(place.home.root, copy.home.root)
    log = place.home.ledger.with_name("ledger.db-wal")
    log.write_bytes(log.read_bytes()[:-6_000])
    left, killed = place.record(), copy.record()
    assert 0 < len(left) < len(killed)
    assert left == killed[: len(left)]
    seconds = place.resumed()
    record = place.record()
    note("write-ahead log cut short", place, seconds=seconds)
    assert record[: len(left)] == left
    assert decisions(record) == decisions(undisturbed)
    check_replay(record)
    check_mirror(place, record)
    assert (place.openings(), place.reads()) == (1, 1)


def overwritten(content, start, length):
    return content[:start] + b"\xa5" * length + content[start + length :]


def page_of(content, words):
    """Return the start of the page that contains a text."""
    return content.index(words) // 4096 * 4096


@pytest.mark.parametrize(
    ("fault", "damage"),
    [
        ("a page of the ledger overwritten", lambda c: overwritten(c, page_of(c, b'"trial":6,'), 4096)),
        ("the ledger's head overwritten", lambda c: overwritten(c, 0, 300)),
        ("the ledger cut short", lambda c: c[: len(c) * 3 // 4]),
    ],
)
def test_the_intact_part_of_a_damaged_ledger_is_recovered(fault, damage, place, undisturbed):
    process = place.start("submit", "tiny.yaml", "--json", "--no-test")
    assert process.communicate(timeout=300) is not None
    whole, ledger = place.record(), place.home.ledger
    ledger.write_bytes(damage(ledger.read_bytes()))
    for command in ("resume", "status"):
        refused = place.run(command, "tiny-1")
        assert refused.returncode == 1
        assert "`hpo service rescue` saves every event that is intact" in refused.stderr
        assert "Traceback" not in refused.stderr
    saved = place.run("rescue", "--json")
    assert saved.returncode == 0, saved.stderr
    (only,) = json.loads(saved.stdout)["saved"]
    assert only["search"] == "tiny-1"
    left = place.record()
    assert len(left) == only["kept"] > 5
    assert left == whole[: len(left)]
    assert list(ledger.parent.glob("ledger.damaged-1.db"))
    seconds = place.resumed()
    record = place.record()
    note(fault, place, seconds=seconds)
    assert decisions(record) == decisions(undisturbed)
    assert number(record, events.TestScored) == place.openings() == place.reads() == 1
    check_mirror(place, record)


def test_an_unreadable_ledger_is_reported_plainly(place):
    place.home.create()
    place.home.ledger.write_bytes(b"no ledger at all" * 1000)
    for command in (("list",), ("rescue",)):
        done = place.run(*command)
        assert done.returncode == 1
        assert "damaged" in done.stderr
        assert "Traceback" not in done.stderr
    assert place.home.ledger.read_bytes() == b"no ledger at all" * 1000


def test_an_intact_ledger_is_left_unchanged(place):
    place.run("submit", "tiny.yaml", "--no-test", "--set", "budget.trials=2")
    before = place.record()
    done = place.run("rescue")
    assert (done.returncode, place.record()) == (0, before)
    assert "whole" in done.stdout
    shutil.rmtree(place.home.root)
    assert place.run("rescue").returncode == 2
