"""Every kind of failed training has its cause, and the search continues."""

import json

import psutil
import pytest

from hpo.core import events
from hpo.core.events import Cause, End
from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.seeds import derive
from tests.faults.promises import note, run_twice
from tests.faults.tiny_search import MODEL, after, number

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MISHAPS = {
    "nan": Cause.DIVERGED,
    "inf": Cause.DIVERGED,
    "missing": Cause.METRIC_MISSING,
    "never": Cause.NEVER_REPORTED,
    "error": Cause.CODE_ERROR,
    "memory": Cause.OUT_OF_MEMORY,
    "hang": Cause.TIMED_OUT,
    "die": Cause.WORKER_LOST,
}
FAILING = (
    MODEL.replace(
        "            time.sleep(recipe",
        """            happens = recipe["mishap"]
            if happens == "never":
                return
            if happens == "error":
                raise ValueError("the user's own mistake")  # on the user's own line
            if happens == "memory":
                np.ones(10**15)
            if happens == "hang":
                time.sleep(1000)
            if happens == "die":
                os._exit(9)
            if happens in ("nan", "inf"):
                line = line * float(happens)
            time.sleep(recipe""",
    )
    .replace(
        '{"validation/mse": mse}',
        '({"validation/other": 1.0} if happens == "missing" else {"validation/mse": mse})',
    )
    .replace(
        "    grammar = Grammar((",
        """    grammar = Grammar((
        Hyperparameter("mishap", "str", "none"),""",
    )
)
SPEC = """
version: 1
data: {{source: "tiny_data:waves"}}
trainable: failing_model:Line
space: {{rate: {{loguniform: [0.001, 0.5]}}, mishap: {{choice: [{choices}]}}}}
start_from: [{starts}]
sampler: random
scheduler: {{name: asha, max_epochs: 4, first_rung: 2}}
budget: {{trials: {trials}}}
resources: {{trials_at_once: 1}}
finalists: {{count: 1, seeds: 1}}
limits: {{epoch_seconds: 10, same_failures: 5}}
"""


def failing(place, mishaps, trials):
    """A spec whose first trials fail in these ways, one each; the rest succeed or fail in the last way."""
    (place.folder / "failing_model.py").write_text(FAILING)
    rates = (0.1 + place / 100 for place in range(len(mishaps)))  # a point is not tried twice
    starts = ", ".join(f"{{rate: {rate}, mishap: {each}}}" for rate, each in zip(rates, mishaps, strict=True))
    choices = ", ".join(dict.fromkeys(["none", *mishaps]))
    text = SPEC.format(choices=choices, starts=starts, trials=trials)
    (place.folder / "failing.yaml").write_text(text)


def folded(record):
    return History.of(record, Objective("mse", "min"))


def test_every_kind_of_failure_has_its_cause_and_its_rule(place):
    failing(place, [*MISHAPS, "none", "none"], trials=10)
    done = place.run("submit", "failing.yaml", "--no-test")
    assert done.returncode == 0, done.stderr
    record = place.record("failing-1")
    history = folded(record)
    failed = {t.point["mishap"]: t for t in history.trials if t.end is End.FAILED}
    assert {name: t.cause for name, t in failed.items()} == MISHAPS
    assert [t.point["mishap"] for t in history.trials if t.end is not End.FAILED] == ["none", "none"]
    assert number(record, events.WorkerLost) == 3  # the one that kills its worker is tried three times
    assert history.winner.trial in (8, 9)
    message = failed["error"].message
    assert message.startswith("ValueError: the user's own mistake")
    assert "# on the user's own line" in message
    assert "hpo/running" not in message
    assert "site-packages/ray" not in message
    assert "validation/other" in failed["missing"].message
    assert "limit of 10 s" in failed["hang"].message
    logs = place.run("logs", "failing-1", "4")
    assert logs.stdout.count("the user's own mistake\")  # on the user's own line") == 1
    assert "Traceback" not in done.stdout + done.stderr
    for mishap in MISHAPS:
        note(f"a training: {mishap}", place, name="failing-1")


@pytest.mark.faults
def test_if_all_first_trials_fail_for_one_reason_the_search_ends_with_it(place):
    failing(place, ["error"] * 7, trials=100)
    done = place.run("submit", "failing.yaml", "--json")
    assert done.returncode == 4
    record = place.record("failing-1")
    assert len(folded(record).trials) == 5
    *_, ended, _ = (json.loads(line) for line in done.stdout.splitlines())
    assert ended["status"] == "no_trial_succeeded"
    assert "5 x code_error" in ended["reason"]
    assert ended["reason"].count("ValueError: the user's own mistake") == 1
    assert place.openings() == 0
    note("first trials all fail alike", place, name="failing-1")


@pytest.mark.faults
def test_a_killed_worker_costs_its_trial_nothing(place, undisturbed):
    process = place.start("submit", "tiny.yaml", "--json", "--set", "recipe.seconds=0.1")
    place.wait_for(process, after(events.Reported, 4))
    workers = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "Training" in "".join(child.cmdline())
    ]
    assert workers
    for worker in workers:
        worker.kill()
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    record = place.record()
    assert number(record, events.WorkerLost) == 1
    assert run_twice(record) == []
    ends = [e.event for e in record if isinstance(e.event, events.TrialEnded)]
    assert End.FAILED not in {end.end for end in ends}
    values = [(end.trial, end.replicate, end.end, end.value) for end in ends]
    undisturbed_ends = [e.event for e in undisturbed if isinstance(e.event, events.TrialEnded)]
    assert values == [(end.trial, end.replicate, end.end, end.value) for end in undisturbed_ends]
    note("SIGKILL to a worker", place)


@pytest.mark.faults
def test_a_winner_with_a_failed_seed_does_not_open_the_test_part_automatically(place):
    failing_seed = derive(0, "fresh", 2)
    failing_line = f"if context.seed == {failing_seed}:\n            raise MemoryError\n        "
    text = MODEL.replace("kept = context.restored()", failing_line + "kept = context.restored()")
    (place.folder / "tiny_model.py").write_text(text)
    done = place.run("submit", "tiny.yaml", "--set", "budget.trials=2", "--set", "finalists.count=1")
    assert done.returncode == 0, done.stderr
    history = folded(place.record())
    assert "fresh training of the winner failed" in history.ended.reason
    assert "seed 2: out_of_memory" in history.ended.reason
    assert history.claim is None
    assert place.openings() == 0
    assert "the test part stays sealed" in done.stdout
    again = place.run("resume", "tiny-1")
    assert (again.returncode, place.openings()) == (0, 0)
    opened = place.run("test", "tiny-1")
    assert (opened.returncode, place.openings()) == (0, 1), opened.stderr
