"""From coarse to fine: the next spec, as a readable diff."""

import json
import math

import pytest

from hpo.cli.main import main
from hpo.core.errors import UserError
from hpo.core.search_setting import Origin
from hpo.reports.context_rows import origin_rows
from hpo.spec import read_spec
from hpo.use_cases.accounting.space_edits import space_edits
from hpo.use_cases.refine import refine_spec
from hpo.use_cases.search.warm_start import warm_start_of

SPEC = """# yaml-language-server: $schema={schema}
# Digits, coarsely.
version: 1
name: coarse
data: {{source: digits}}
trainable: image_classifier
recipe:
  model: {{name: mlp}}    # enough for digits

space:
  learning_rate: {{loguniform: [1.0e-4, 0.1]}}     # a guess
  batch_size: {{choice: [32, 64, 128]}}
  optimizer: {{choice: [momentum, adamw]}}         # the usual two
  optimizer.momentum: {{uniform: [0.0, 0.95]}}     # under momentum alone

forbid:
  - {{optimizer: momentum, batch_size: 128}}       # does not fit
  - {{optimizer: [momentum, adamw], batch_size: 32, learning_rate: {{low: 0.09}}}}

start_from:
  - {{learning_rate: 0.099, batch_size: 64, optimizer: adamw}}

sampler: random    # evenly
scheduler: {{name: asha, max_epochs: 9}}
budget: {{trials: 60}}
finalists: {{count: 1, seeds: 1}}
"""


def value(recipe):
    """The higher the learning rate the better, and momentum fails."""
    return 0.5 + 0.1 * math.log10(recipe["learning_rate"]) - 0.3 * (recipe["optimizer"]["name"] != "adamw")


@pytest.fixture
def searched(recorded, tmp_path):
    path = tmp_path / "coarse.yaml"
    path.write_text(SPEC.format(schema=read_spec("digits").base / "spec.schema.json"))
    recorded.search(read_spec(path), value)
    return recorded.home


def test_it_narrows_influential_ranges_and_keeps_the_text(searched):
    refined = refine_spec("coarse-1", home=searched)
    old = (searched.root.parent / "coarse.yaml").read_text()
    kept = [line for line in refined.text.splitlines() if line in old.splitlines()]
    assert refined.text.splitlines()[0] == old.splitlines()[0]
    assert "# Digits, coarsely." in kept
    assert "  model: {name: mlp}    # enough for digits" in kept
    assert "  batch_size: {choice: [32, 64, 128]}" in kept
    assert "sampler: random    # evenly" in kept
    assert "# a guess" in refined.text
    assert "warm_start: [coarse-1]" in refined.text
    assert "start_from" not in refined.text
    changed = {change.name: change for change in refined.changes}
    assert changed["learning_rate"].new.low > 1e-3


def test_a_winner_at_the_edge_widens_that_side_with_a_warning(searched):
    change = next(
        each for each in refine_spec("coarse-1", home=searched).changes if each.name == "learning_rate"
    )
    assert change.edge
    assert change.new.high > 0.1
    assert "at the edge of the old range, so it grows there" in change.why


def test_a_choice_is_dropped_only_with_evidence_and_with_its_dependents(searched):
    refined = refine_spec("coarse-1", home=searched)
    assert "optimizer: {choice: [adamw]}" in refined.text
    assert "optimizer.momentum:" not in refined.text
    assert "optimizer: momentum, batch_size: 128" not in refined.text
    assert "optimizer: [adamw], batch_size: 32" in refined.text
    assert "never among the best" in next(each.why for each in refined.changes if each.name == "optimizer")
    assert any(note.startswith("optimizer.momentum is left out") for note in refined.notes)


def test_the_written_spec_is_valid_and_starts_from_the_result(searched, tmp_path):
    out = tmp_path / "elsewhere" / "fine.yaml"
    out.parent.mkdir()
    refined = refine_spec("coarse-1", home=searched, out=out)
    spec = read_spec(out)
    assert refined.path == str(out)
    assert spec.warm_start == ("coarse-1",)
    assert warm_start_of(spec, searched).warm_start.earlier[0].source == "coarse-1"
    assert refined.diff.startswith("--- coarse (as searched in coarse-1)\n+++ ")
    with pytest.raises(UserError, match="already exists; name a new file"):
        refine_spec("coarse-1", home=searched, out=out)


def test_the_account_of_the_next_search_lists_the_edits(searched, tmp_path):
    out = tmp_path / "fine.yaml"
    refine_spec("coarse-1", home=searched, out=out)
    edits = space_edits(read_spec(out), searched)
    assert any(edit.startswith("learning_rate ") and edit.endswith(" in coarse-1") for edit in edits)
    assert any(edit.startswith("optimizer.momentum: no longer searched") for edit in edits)
    assert not any(edit.startswith("batch_size") for edit in edits)
    assert list(origin_rows(Origin(edits=edits[:2]))) == [("space edited", edits[0]), ("", edits[1])]
    assert space_edits(read_spec(tmp_path / "coarse.yaml"), searched) == ()


def test_overrides_of_the_command_line_are_kept(recorded, tmp_path):
    path = tmp_path / "coarse.yaml"
    path.write_text(SPEC.format(schema="spec.schema.json"))
    recorded.search(read_spec(path, ["budget.trials=40", "seed=3"]), value)
    text = refine_spec("coarse-1", home=recorded.home).text
    assert "trials: 40" in text
    assert "seed: 3" in text


def test_without_the_file_it_is_written_from_the_record(searched):
    (searched.root.parent / "coarse.yaml").unlink()
    refined = refine_spec("coarse-1", home=searched)
    assert refined.text.startswith("# yaml-language-server: $schema=")
    assert "comments are lost" in refined.notes[0]
    assert "warm_start: [coarse-1]" in refined.text


def test_too_few_trials_change_no_range(recorded, tmp_path):
    path = tmp_path / "coarse.yaml"
    path.write_text(SPEC.format(schema="spec.schema.json"))
    recorded.search(read_spec(path, ["budget.trials=4"]), value)
    refined = refine_spec("coarse-1", home=recorded.home)
    assert all(change.edge for change in refined.changes)
    assert "4 trials: at least 8 are needed to narrow a range" in refined.notes[0]


def test_a_search_without_trials_cannot_be_refined(recorded, tmp_path):
    path = tmp_path / "coarse.yaml"
    path.write_text(SPEC.format(schema="spec.schema.json"))
    recorded.search(read_spec(path), value, events=1)
    with pytest.raises(UserError, match="no trial with a score yet"):
        refine_spec("coarse-1", home=recorded.home)


def test_the_command_shows_the_diff_its_reasons_and_json(searched, capsys):
    home = ["--home", str(searched.root)]
    for words in (["refine", "coarse-1"], ["refine", "coarse-1", "--json"]):
        with pytest.raises(SystemExit) as ended:
            main([*words, *home])
        assert ended.value.code == 0
    text, changes = capsys.readouterr().out.rsplit("\n{", 1)
    assert "-  learning_rate: {loguniform: [1.0e-4, 0.1]}" in text
    assert "warning  learning_rate: the winner" in text.replace("warning     ", "warning  ")
    assert {"search", "path", "changes", "notes", "diff", "spec"} == set(json.loads("{" + changes))


def test_check_shows_the_warm_start_and_the_pace(searched, tmp_path, capsys):
    refine_spec("coarse-1", home=searched, out=tmp_path / "fine.yaml")
    with pytest.raises(SystemExit) as ended:
        main(["check", str(tmp_path / "fine.yaml"), "--home", str(searched.root)])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "of its trials fit this space" in shown
    assert "and 1 s per epoch as in coarse-1" in shown


LISTED = """
import hpo

def line(part):
    return [[0.0]], [0.0]

@hpo.trainable(metrics={"mse": "min"})
def fit(run, data, *, depth=2, widths=(4, 4)): ...

@fit.build
def build(run): ...

@fit.evaluate
def evaluate(run, model, dataset): ...
"""
LISTS = """
version: 1
name: lists
data: {source: "listed:line"}
trainable: listed:fit
space: {depth: {randint: [1, 3]}, widths: {list: {randint: [2, 9]}, length: depth}}
sampler: random
scheduler: {name: asha, max_epochs: 9}
budget: {trials: 20}
finalists: {count: 1, seeds: 1}
"""


def test_the_length_of_a_list_grows_no_further_than_a_list_can(recorded, tmp_path):
    (tmp_path / "listed.py").write_text(LISTED)
    (tmp_path / "lists.yaml").write_text(LISTS)
    recorded.search(read_spec(tmp_path / "lists.yaml"), lambda recipe: len(recipe["widths"]))
    refined = refine_spec("lists-1", home=recorded.home)
    assert "depth: {randint: [1, " in refined.text
    assert "widths: {list: {randint: [2, 9]}, length: depth}" in refined.text


def test_the_changes_as_json(searched):
    shown = refine_spec("coarse-1", home=searched).to_json()
    rate = next(change for change in shown["changes"] if change["name"] == "learning_rate")
    assert (shown["search"], shown["path"], list(rate)) == (
        "coarse-1",
        None,
        ["name", "old", "new", "why", "edge"],
    )
    assert rate["old"] == "a number from 0.0001 to 0.1"
    assert rate["new"].startswith("a number from ")
    assert rate["edge"] is True
    assert rate["why"].endswith("is at the edge of the old range, so it grows there")


def test_a_search_without_a_winner_is_refined_around_its_best_trial(recorded, tmp_path):
    path = tmp_path / "coarse.yaml"
    path.write_text(SPEC.format(schema=read_spec("digits").base / "spec.schema.json"))
    recorded.search(read_spec(path), value, events=300)
    refined = refine_spec("coarse-1", home=recorded.home)
    assert any(change.name == "learning_rate" for change in refined.changes)
