"""Recipe files are read and written without loss, and execute nothing."""

import re
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.core.errors import InvalidSpec
from hpo.core.recipe import Recipe, canonical
from hpo.core.trainable import DataInfo
from hpo.data.prepared import info_from_json, info_to_json
from hpo.spec import SearchSpec, read_spec
from hpo.spec.interface import Interface
from hpo.spec.recipe_files import RecipeFile, read_recipe, recipe_text

Toy = Mapping[str, Interface]


@pytest.mark.parametrize("format", ["yaml", "json"])
def test_a_written_recipe_is_read_back(format: Literal["yaml", "json"], tmp_path: Path, toy: Toy) -> None:
    recipe = toy["toy"].grammar.resolve({"rate": 1e-4, "optimizer": "adam", "augment": {"flip": True}})
    provenance = {"search": "digits-1", "note": "no: 'yes'", "value": 1e-10, "list": [1, None, "1e-4"]}
    written = RecipeFile("toy", recipe, provenance)
    file = tmp_path / f"recipe.{format}"
    file.write_text(recipe_text(written, format))
    assert read_recipe(file, toy) == written


@pytest.fixture(scope="module")
def everything() -> SearchSpec:
    return read_spec("everything")


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32), format=st.sampled_from(["yaml", "json"]))
def test_any_recipe_of_the_largest_space_is_read_back_exactly(
    seed: int,
    format: Literal["yaml", "json"],
    tmp_path_factory: pytest.TempPathFactory,
    everything: SearchSpec,
) -> None:
    recipe = everything.recipe_of(everything.space.sample(Random(seed)))
    file = tmp_path_factory.mktemp("recipes") / f"recipe.{format}"
    file.write_text(recipe_text(RecipeFile(everything.trainable, recipe, {}), format), encoding="utf-8")
    read = read_recipe(file)
    assert canonical(read.recipe) == canonical(recipe)  # true is not 1, and 1 is not 1.0
    assert Recipe(read.recipe).digest == Recipe(recipe).digest


def test_yaml_is_written_for_readers() -> None:
    text = recipe_text(RecipeFile("toy", {"rate": 0.1, "optimizer": {"name": "adam"}}, {}))
    assert text.startswith("version: 1\ntrainable: toy\nrecipe:\n  rate: 0.1\n  optimizer:\n    name: adam\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version: 2\ntrainable: toy\nrecipe: {}\n", "version"),
        ("version: 1\ntrainable: toy\nrecipe: {}\nrecpe: {}\n", "recpe: is unknown; did you mean recipe"),
        ("version: 1\ntrainable: toy\nrecipe: {rate: x}\n", ":3: recipe.rate: 'x' is not a number"),
        ("version: 1\ntrainable: toy\nrecipe: [1]\n", "recipe"),
        ("[1, 2]", "is not a recipe file; legal keys: version"),
        ("version: 1\nversion: 1\ntrainable: toy\nrecipe: {}", "is a duplicate"),
        ("!!python/object/apply:os.system ['touch canary']", "YAML tags"),
    ],
)
def test_faults_of_a_recipe_file(text: str, words: str, tmp_path: Path, toy: Toy) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    with pytest.raises(InvalidSpec, match=words):
        read_recipe(file, toy)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("{rows: -1}", "provenance.rows: -1"),
        ("{base: 1000000000000000}", "provenance.base: 1000000000000000"),
        ("{seed: x}", "provenance.seed: 'x'"),
        ("{threads: 1000000}", "provenance.threads: 1000000"),
        ("{versions: [1]}", "provenance.versions"),
        ("{device: 'cuda:9'}", "provenance.device: 'cuda:9'"),
        ("{horizon: 0}", "provenance.horizon: 0"),
        ("{model: {members: []}}", "provenance.model.members"),
        ("{model: {members: [{seed: 1}]}}", "provenance.model.members[0].file: Field required"),
        ("{info: {kind: image, task: classification, shape: [1]}}", "provenance.info.classes"),
        ("{types: {x: '|O'}}", "provenance.types.x: '|O'"),
        ("{objective: {}}", "provenance.objective.metric: Field required"),
    ],
)
def test_an_impossible_provenance_is_a_fault_with_its_path(
    said: str, words: str, tmp_path: Path, toy: Toy
) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(f"version: 1\ntrainable: toy\nrecipe: {{}}\nprovenance: {said}\n")
    with pytest.raises(InvalidSpec, match=re.escape(words)):
        read_recipe(file, toy)


@pytest.mark.parametrize(
    "info",
    [
        DataInfo("items", "other", (), fields={"ids": "tensor, varying", "y": "array, varying"}, target="y"),
        DataInfo("none", "other", (1,)),
        DataInfo("stream", "other", (64,)),
        DataInfo("image", "classification", (8, 8, 3), ("a", "b"), ground="white", bits=12),
    ],
    ids=lambda info: info.kind,
)
def test_the_description_of_every_kind_of_data_can_be_read(info: DataInfo, tmp_path: Path, toy: Toy) -> None:
    file = tmp_path / "recipe.yaml"
    provenance = {"info": info_to_json(info), "types": {"ids": "<i8"}}
    file.write_text(recipe_text(RecipeFile("toy", {}, provenance)))
    assert info_from_json(read_recipe(file, toy).provenance["info"]) == info


def test_a_pickle_is_refused(tmp_path: Path, toy: Toy) -> None:
    file = tmp_path / "recipe.yaml"
    canary = tmp_path / "canary"
    file.write_bytes(f"cos\nsystem\n(S'touch {canary}'\ntR.".encode())
    with pytest.raises(InvalidSpec):
        read_recipe(file, toy)
    assert not canary.exists()
