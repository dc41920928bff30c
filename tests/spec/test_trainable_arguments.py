"""Constants of a training function beside its name, and how a user's arrays are read."""

import pytest

from hpo.spec import parse_spec, read_spec
from hpo.spec.faults import InvalidSpec
from hpo.spec.rewriting import written_out

CODE = """
import hpo

@hpo.trainable(metrics={"mse": "min"})
def fit(run, data, *, rate=0.1, root="here"): ...

@fit.evaluate
def evaluate(model, dataset): ...

def waves(part): ...
"""
SPEC = """
version: 1
data: {{source: "mine:waves"}}
trainable: {trainable}
space: {{{space}: {{uniform: [0, 1]}}}}
scheduler: {{max_epochs: 3}}
budget: {{trials: 4}}
"""


@pytest.fixture
def spec(tmp_path):
    (tmp_path / "mine.py").write_text(CODE)

    def read(trainable, space="rate"):
        (tmp_path / "mine.yaml").write_text(SPEC.format(trainable=trainable, space=space))
        return read_spec(tmp_path / "mine.yaml")

    return read


def test_arguments_are_fixed_choices_of_every_recipe(spec):
    read = spec('{name: "mine:fit", arguments: {root: there}}')
    assert read.trainable == "mine:fit"
    assert read.recipe_of({"rate": 0.5}) == {"rate": 0.5, "root": "there"}
    assert read.document["trainable"] == "mine:fit"
    assert parse_spec(read.document) == read


@pytest.mark.parametrize(
    ("trainable", "space", "text"),
    [
        ('{name: "mine:fit", arguments: {rate: 0.5}}', "rate", "is also an argument of the trainable"),
        (
            '{name: "mine:fit", arguments: {other: 1}}',
            "rate",
            "other: 1: is unknown; legal: rate, root",
        ),
        ('{name: "mine:fit", argument: {}}', "rate", "argument"),
        ("{arguments: {}}", "rate", "is missing: a shipped name"),
        ('{name: "mine:fit", arguments: 3}', "rate", "is not a mapping"),
    ],
)
def test_faults_in_arguments_are_named(spec, trainable, space, text):
    with pytest.raises(InvalidSpec, match=text):
        spec(trainable, space)


def test_a_new_spec_reads_arrays_as_they_are_and_a_recorded_one_as_before(spec):
    read = spec("mine:fit")
    assert read.document["data"]["reading"] == 2
    assert read.data.source_arguments == {}
    recorded = {**read.document, "data": {k: v for k, v in read.document["data"].items() if k != "reading"}}
    earlier = parse_spec(recorded)
    assert earlier.data.source_arguments == {"arrays as float32": True}
    assert earlier.document == recorded


def test_a_test_part_that_is_opened_on_request_is_on_record(spec, tmp_path):
    assert "test" not in spec("mine:fit").document
    read = read_spec(tmp_path / "mine.yaml", ["test=on_request"])
    assert read.document["test"] == "on_request"
    assert parse_spec(read.document).test == "on_request"
    with pytest.raises(InvalidSpec, match="at_end, on_request"):
        read_spec(tmp_path / "mine.yaml", ["test=never"])


def test_a_recorded_spec_that_is_written_out_can_be_submitted_again(spec, tmp_path):
    read = spec("mine:fit")
    (tmp_path / "again.yaml").write_text(written_out(read.document))
    again = read_spec(tmp_path / "again.yaml")
    assert {**again.document, "name": "mine", "experiment": "mine"} == read.document
