import dataclasses
import math

from hpo.core import events
from hpo.core.constraints import Constraint
from hpo.core.events import End
from hpo.core.home import Home
from hpo.core.objective import Objective
from hpo.core.record import Recorded
from hpo.core.visible_text import CONTROL
from hpo.tracking.mlflow_values import clean_key, cut, keys_of, params, text
from hpo.tracking.projection import RunProjection
from hpo.tracking.run_changes import PARENT, RunChange
from hpo.tracking.run_names import search_id
from tests.tracking.scenario import OBJECTIVE, PARAMETERS, memory_ledger, opened, projection, search, started


def test_values_are_formatted_as_in_tables() -> None:
    assert [text(value) for value in (0.001, 1e-5, 64, True, "relu", None, [0.9, 0.999])] == [
        "0.001",
        "1e-05",
        "64",
        "true",
        "relu",
        "n/a",
        "[0.9, 0.999]",
    ]


def test_parameters_have_the_names_of_the_space() -> None:
    recipe = {"optimizer": {"name": "sgd", "momentum": 0.9}, "batch_size": 64}
    shown = params({"optimizer": "sgd"}, recipe, ("optimizer", "optimizer.momentum", "dropout"))
    assert shown == {"optimizer": "sgd", "optimizer.momentum": "0.9", "dropout": "n/a", "batch_size": "64"}


def test_a_parameter_of_a_later_recipe_is_filled_in_for_earlier_runs(home: Home) -> None:
    drawn = RunProjection("digits-1", ("learning_rate",), OBJECTIVE, home.search("digits-1"))
    ledger = memory_ledger([opened(), started(0), started(1)])
    runs: dict[str, dict[str, str]] = {}
    for recorded in ledger.read():
        for change in drawn.changes([recorded]):
            assert not runs.get(change.run, {}).keys() & change.params.keys()
            runs.setdefault(change.run, {}).update(change.params)
    assert runs["0/0"].keys() == runs["1/0"].keys()
    assert runs["0/0"]["augment.cutout"] == "false"
    assert runs["1/0"]["optimizer.momentum"] == "n/a"


def test_a_pause_and_its_end_are_visible_in_the_run(home: Home) -> None:
    drawn = RunProjection("digits-1", (), OBJECTIVE, home.search("digits-1"))
    pause = events.TrialPaused(0, 0, events.PauseCause.RUNG)
    ledger = memory_ledger([opened(), started(0), pause, events.SearchEnded("stopped")])
    (run,) = [change for change in drawn.changes(ledger.read()) if change.run == "0/0"]
    assert (run.tags["state"], run.tags["paused"]) == ("paused", "rung")
    assert "cause" not in run.tags  # that of a failure
    seq = len(list(ledger.read()))
    ledger.append([events.SearchResumed({}), events.TrialTakenUp(0, 0, events.PauseCause.FINALISTS)])
    (run,) = [change for change in drawn.changes(ledger.read(after=seq)) if change.run == "0/0"]
    assert (run.tags["state"], run.tags["taken_up"]) == ("running", "finalists")


def test_folds_a_final_part_and_a_race_are_visible_in_the_runs(home: Home) -> None:
    drawn = RunProjection("digits-1", (), OBJECTIVE, home.search("digits-1"))
    fresh = dataclasses.replace(started(0, 6), split="fold-2.3", origin="finalist")
    story = [
        opened(spec={"name": "digits", "finalists": {"count": 2, "seeds": 4, "folds": 3}}),
        started(0),
        fresh,
        events.TrialEnded(0, 6, End.FINISHED, 3, 0.7, scores={"final/accuracy": 0.7, "final/loss": math.nan}),
        events.WinnerNamed(0, 6, 0.7, 0.1, 3, "it wins a tie", tied=(0, 4), saved=9),
    ]
    runs = {change.run: change for change in drawn.changes(memory_ledger(story).read())}
    assert runs["0/6"].title == "finalist 0 seed 2 fold 3 of 3"
    assert (runs["0/6"].tags["fresh"], runs["0/6"].tags["split"]) == ("seed 2 fold 3 of 3", "fold-2.3")
    assert {m.name: m.value for m in runs["0/6"].metrics} == {"objective": 0.7, "final/accuracy": 0.7}
    assert runs[PARENT].tags["winner.tied_with"] == "4"
    assert runs[PARENT].tags["finalists.trainings_saved"] == "9"


def test_names_and_lengths_are_within_the_limits_of_mlflow() -> None:
    assert clean_key("validation/top-5 (μ)%") == "validation/top-5 ____"
    assert clean_key("../a//b") == "a/b"
    assert clean_key("") == "_"
    assert len(clean_key("x" * 300)) == 250
    assert len(cut("x" * 7_000, 6_000)) <= 6_000
    assert cut("short", 6_000) == "short"


def test_names_that_mlflow_cannot_tell_apart_have_keys_of_their_own() -> None:
    names = [
        "lr (encoder)",
        "lr [encoder]",
        "ä",
        "ö",
        "MAP_10",
        "MAP@10",
        "lr (encoder)",
        "x" * 300,
        "x" * 301,
    ]
    keys = keys_of(names)
    assert list(keys) == list(dict.fromkeys(names))
    assert len(set(keys.values())) == len(keys)
    assert keys["lr (encoder)"] == "lr _encoder_", "the first of them keeps its plain key"
    assert keys["MAP_10"] == "MAP_10"
    assert [clean_key(key) for key in keys.values()] == list(keys.values())
    assert params({"ä": 1, "ö": 2}, {}, ("ä", "ö")) == {keys["ä"]: "1", keys["ö"]: "2"}


def test_metrics_that_mlflow_cannot_tell_apart_are_both_shown(home: Home) -> None:
    drawn = RunProjection("digits-1", ("ä", "ö"), OBJECTIVE, home.search("digits-1"))
    values = {
        "validation/MAP_10": 1.0,
        "validation/MAP@10": 2.0,
        "validation/Größe": 3.0,
        "validation/Gräße": 4.0,
    }
    story = [
        opened(),
        started(0),
        events.Reported(0, 0, 1, values, 0.1),
        events.Reported(0, 0, 2, values, 0.1),
    ]
    shown = [m for c in drawn.changes(memory_ledger(story).read()) if c.run == "0/0" for m in c.metrics]
    assert [m.value for m in shown] == [1.0, 2.0, 3.0, 4.0] * 2
    assert len({m.name for m in shown}) == 4
    assert shown[0].name == "validation/MAP_10"


def test_a_second_winner_replaces_the_first(home: Home) -> None:
    drawn = projection(home)
    story = search(home.search("digits-1"))
    drawn.changes(memory_ledger(story).read())
    later = [
        events.SearchExtended(5),
        events.WinnerNamed(0, 2, 0.9, math.nan, 1, "more trials"),
        events.SearchEnded("stopped"),
    ]
    recorded = [Recorded(len(story) + i, 1.0, event) for i, event in enumerate(later, 1)]
    changes: dict[str, RunChange] = {change.run: change for change in drawn.changes(recorded)}
    assert changes["0/1"].tags == {"winner": "no longer"}
    assert changes["0/2"].tags == changes["0/0"].tags == {"winner": "yes"}
    assert [m.name for m in changes[PARENT].metrics] == ["winner/accuracy_mean"]
    assert (
        changes[PARENT]
        .tags["mlflow.note.content"]
        .startswith("**Winner: trial 0.** Validation accuracy 0.9000 (1")
    )


def test_the_searched_choices_are_told_from_the_fixed_ones(home: Home) -> None:
    drawn, story = projection(home), search(home.search("digits-1"))
    home.search("digits-1").submitted.write_text("# why\nversion: 1\n")
    runs = {change.run: change for change in drawn.changes(memory_ledger(story).read())}
    tags, searched = runs[PARENT].tags, "**Searched:** learning_rate=0.001 optimizer=sgd"
    assert tags["searched"] == ", ".join(PARAMETERS)
    assert {name: tags[f"winner.{name}"] for name in PARAMETERS} == {
        "learning_rate": "0.001",
        "optimizer": "sgd",
        "optimizer.momentum": "0.9",
        "augment.cutout": "false",
    }
    assert searched in tags["mlflow.note.content"]
    assert runs["0/0"].tags["mlflow.note.content"].startswith(searched)
    assert runs[PARENT].files["spec.yaml"] == home.search("digits-1").submitted


def test_a_later_winner_replaces_the_values_of_the_first(home: Home) -> None:
    drawn = projection(home)
    first, second = (events.WinnerNamed(trial, 0, 0.8, 0.01, 2, "best mean") for trial in (1, 0))
    ledger = memory_ledger([opened(), started(0), started(1), first])
    (parent, *_) = drawn.changes(ledger.read())
    assert parent.tags["winner.optimizer"] == "adam"
    assert "winner.optimizer.momentum" not in parent.tags
    ledger.append([second, first])
    (parent, *_) = drawn.changes(ledger.read(after=4))
    assert (parent.tags["winner.optimizer"], parent.tags["winner.optimizer.momentum"]) == ("adam", "n/a")


def test_searches_of_the_same_name_have_different_ids() -> None:
    first, second = (Recorded(1, 5.0, opened(digest=digest * 64)) for digest in "ab")
    assert search_id("digits-1", first) == search_id("digits-1", first)
    assert (
        len({search_id("digits-1", first), search_id("digits-1", second), search_id("digits-2", first)}) == 3
    )


def test_a_further_look_a_refusal_and_the_account_are_shown(home: Home) -> None:
    drawn = projection(home)
    story = search(home.search("digits-1"))
    drawn.changes(memory_ledger(story).read())
    home.search("digits-1").account.write_text("the whole story\n")
    score = {"accuracy": {"value": 0.79, "low": 0.74, "high": 0.84}}
    later = [
        events.TestRefused("opened before", {"search": "other"}, 1),
        events.TestScored(score, 360, "t" * 64, look=2, reason="a referee asked"),
        events.SearchEnded("done"),
    ]
    recorded = [Recorded(len(story) + i, 1.0, event) for i, event in enumerate(later, 1)]
    parent = next(change for change in drawn.changes(recorded) if change.run == PARENT)
    assert parent.tags["test.refused"] == "opened before"
    assert (parent.tags["test.look"], parent.tags["test.reason"]) == ("2", "a referee asked")
    assert parent.files["account.txt"] == home.search("digits-1").account
    assert "account.json" not in parent.files


def test_the_report_page_is_a_file_of_the_search(home: Home) -> None:
    folder, drawn = home.search("digits-1"), projection(home)
    drawn.changes(memory_ledger([opened(), started(0)]).read())
    folder.root.mkdir(parents=True, exist_ok=True)
    folder.report.write_text("<p>page</p>")
    (parent,) = (
        change
        for change in drawn.changes([Recorded(3, 1.0, events.SearchEnded("done"))])
        if change.run == PARENT
    )
    assert parent.files == {"report.html": folder.report}
    added = drawn.with_files([folder.report, folder.diagnosis])
    assert (added.run, added.status, added.metrics, added.tags) == (PARENT, None, [], {})
    assert added.files == {"report.html": folder.report, "diagnosis.json": folder.diagnosis}


def test_the_shipped_model_is_shown_with_its_weights(home: Home) -> None:
    folder = home.search("digits-1")
    folder.weights.mkdir(parents=True)
    files = [{"trial": 0, "replicate": n, "file": f"0-{n}.safetensors", "sha256": "s"} for n in (1, 2)]
    for each in files:
        (folder.weights / str(each["file"])).write_bytes(b"weights")
    fixed = events.ModelFixed("ensemble", tuple(files), "abc", "the mean prediction of 2")
    drawn = RunProjection("digits-1", (), OBJECTIVE, folder)
    ledger = memory_ledger([opened(), started(0), fixed])
    (parent,) = (each for each in drawn.changes(list(ledger.read())) if each.run == PARENT)
    assert (parent.tags["model"], parent.tags["model.digest"]) == ("ensemble", "abc")
    assert {"model-1.safetensors", "model-2.safetensors"} <= parent.files.keys()


def test_control_sequences_and_html_in_notes_are_shown_as_text(home: Home) -> None:
    evil = "\x1b[2J\u202e<img src=http://there/?me> ![seen](http://there)"
    drawn = RunProjection("digits-1", (), Objective(f"acc{evil}"), home.search("digits-1"))
    story = [
        opened(tags={f"team{evil}": evil}, spec={"name": evil}, split={"classes": [evil]}),
        dataclasses.replace(started(0), point={"choice": evil}, recipe={f"choice{evil}": evil}, origin=evil),
        events.Reported(0, 0, 1, {f"validation/{evil}": math.nan}, 1.0),
        events.TrialEnded(0, 0, End.FINISHED, 1, 0.7, message=evil),
        events.Warned(evil),
        events.WinnerNamed(0, 0, 0.7, 0.1, 3, f"because of {evil}"),
        events.TestScored({f"recall{evil}": {"value": 0.5, "low": 0.4, "high": 0.6}}, 9, "t", reason=evil),
        events.SearchEnded("done", evil),
    ]
    runs = {change.run: change for change in drawn.changes(memory_ledger(story).read())}
    for change in runs.values():
        files = [file.decode() for file in change.files.values() if isinstance(file, bytes)]
        shown = [*change.tags.values(), *change.params.values(), *files, *change.tags, *change.params]
        assert not any(CONTROL.search(text) for text in shown)
    note = runs[PARENT].tags["mlflow.note.content"]
    assert note.count("&lt;img src=http://there/?me&gt; !&#91;seen](http://there)") == 4
    assert "<" not in note + runs["0/0"].tags["mlflow.note.content"]


def test_the_parent_states_the_head_of_the_chain(home: Home) -> None:
    ledger = memory_ledger(search(home.search("digits-1")))
    (parent, *_) = projection(home).changes(ledger.read())
    last = list(ledger.read())[-1]
    assert parent.tags["chain.events"] == str(last.seq)
    assert parent.tags["chain.head"] == last.link
    unlinked = [Recorded(recorded.seq, recorded.time, recorded.event) for recorded in ledger.read()]
    (parent, *_) = projection(home).changes(unlinked)
    assert not {"chain.events", "chain.head"} & parent.tags.keys()


def test_constraints_and_what_violates_them_are_visible_in_the_runs(home: Home) -> None:
    small = Constraint("parameters", at_most=1000)
    objective = dataclasses.replace(OBJECTIVE, constraints=(small,))
    drawn = RunProjection("digits-1", (), objective, home.search("digits-1"))
    reports = [events.Reported(0, r, 1, {objective.key: 0.5, "parameters": 900.0}, 0.1) for r in (0, 1)]
    large = events.TrialEnded(1, 0, End.STOPPED, 1, 0.9, events.Cause.CONSTRAINT, "parameters is 2,000")
    story = [
        opened(spec={"constraints": [small.to_json()]}),
        *(started(0), reports[0], events.TrialEnded(0, 0, End.FINISHED, 1, 0.5)),
        *(started(1), large, events.FinalistsNamed((0,)), started(0, 1), reports[1]),
        *(events.TrialEnded(0, 1, End.FINISHED, 1, 0.5), events.WinnerNamed(0, 1, 0.5, math.nan, 1, "")),
    ]
    runs = {change.run: change for change in drawn.changes(memory_ledger(story).read())}
    assert runs[PARENT].tags["constraints"] == "parameters at most 1,000"
    kept = "parameters 900 (at most 1,000); 1 of 2 trials violate it"
    assert runs[PARENT].tags["winner.constraints"] == kept
    tags = runs["1/0"].tags
    assert (tags["state"], tags["cause"]) == ("stopped early", "constraint")
    assert tags["message"] == "parameters is 2,000"
