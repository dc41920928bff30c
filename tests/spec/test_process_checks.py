"""How many processes train a trial, and which recipes they can share."""

import copy

import pytest

from hpo.core.errors import InvalidSpec
from hpo.spec.parsing import parse_spec
from hpo.spec.process_checks import processes_text
from hpo.spec.rewriting import without_defaults

SPEC = {
    "version": 1,
    "data": {"source": "digits"},
    "trainable": "image_classifier",
    "recipe": {"model": {"name": "cnn"}},
    "space": {"learning_rate": {"loguniform": [1e-3, 0.3]}},
    "scheduler": {"max_epochs": 9},
    "budget": {"trials": 4},
}


def spec(resources, **changes):
    return parse_spec({**copy.deepcopy(SPEC), "resources": resources, **changes})


@pytest.mark.parametrize(
    ("resources", "processes"),
    [
        ({}, 1),
        ({"gpus": 1}, 1),
        ({"gpus": 0.5}, 1),
        ({"gpus": 4}, 4),
        ({"gpus": 4, "processes": 1}, 1),
        ({"processes": 2}, 2),
    ],
)
def test_a_trial_has_one_process_for_each_whole_gpu_or_as_many_as_the_spec_says(resources, processes):
    read = spec(resources)
    assert read.resources.processes == processes
    again = parse_spec(read.document)
    assert again.resources.processes == processes
    assert again.document == read.document
    file = without_defaults(read.document) | {"base": None}
    assert parse_spec(file).resources.processes == processes


def test_a_search_on_record_without_the_field_keeps_one_process():
    document = spec({"gpus": 2}).document
    del document["resources"]["processes"]
    assert parse_spec(document).resources.processes == 1
    assert parse_spec(document).document == document


@pytest.mark.parametrize(
    ("resources", "text"),
    [
        (
            {"gpus": 0.5, "processes": 2},
            "resources.processes: 2 processes cannot share 0.5 of a GPU; legal: 1",
        ),
        ({"gpus": 2, "processes": 4}, "4 processes do not match 2 GPUs; legal: 1 with all GPUs, or 2 with"),
        ({"gpus": 1, "processes": 2}, "2 processes do not match 1 GPUs; legal: 1"),
        ({"gpus": 1.5}, "resources.gpus: 1.5: only a share of one GPU can be fractional"),
        ({"processes": 0}, "resources.processes: 0: legal"),
        ({"processes": 3}, "recipe: batch_size: 64 rows cannot be shared equally by 3 processes"),
        ({"gpus": 3}, "legal here: multiples of 3"),
    ],
)
def test_processes_that_cannot_share_gpus_or_batches_are_refused(resources, text):
    with pytest.raises(InvalidSpec, match=text):
        spec(resources)


@pytest.mark.parametrize(
    ("sizes", "unequal"),
    [
        ({"choice": [32, 48, 50]}, 50),
        ({"randint": [32, 64]}, 33),
        ({"qrandint": [32, 64, 6]}, 38),
        ({"qrandint": [32, 64, 4]}, None),
    ],
)
def test_every_batch_size_of_a_space_must_be_shared_equally(sizes, unequal):
    space = {**SPEC["space"], "batch_size": sizes}
    if unequal is None:
        assert spec({"processes": 4}, space=space).resources.processes == 4
        return
    with pytest.raises(InvalidSpec, match=f"space.batch_size: {unequal} rows cannot be shared equally by 4"):
        spec({"processes": 4}, space=space)


def test_a_script_is_one_process():
    command = {"command": ["python", "train.py", "--lr={lr}"], "metrics": {"loss": "min"}}
    fields = {"trainable": command, "recipe": {}, "space": {"lr": {"uniform": [0, 1]}}}
    document = {**copy.deepcopy(SPEC), **fields}
    del document["data"]
    assert parse_spec({**document, "resources": {"gpus": 4}}).resources.processes == 1
    with pytest.raises(InvalidSpec, match="4: a script is one process and starts others by itself"):
        parse_spec({**document, "resources": {"gpus": 4, "processes": 4}})


def test_check_says_what_batch_norm_works_over():
    assert processes_text(spec({})) == ""
    text = processes_text(spec({"gpus": 4}))
    assert text.startswith(
        "4 per trial, one on each of its GPUs; of a batch of 64 rows each trains on 16; batch norm"
    )
    recipe = {"model": {"name": "cnn"}, "normalization": {"name": "group_norm"}}
    assert "batch norm" not in processes_text(spec({"processes": 2}, recipe=recipe))
