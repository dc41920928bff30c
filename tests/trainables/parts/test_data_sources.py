import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hpo.core.errors import UserError
from trainables.data.content import SourcePaths
from trainables.data.scikit_learn_sets import ScikitLearnSet
from trainables.data.torchvision_sets import LAYOUTS
from trainables.parts import data_sources

SHIPPED = sorted(data_sources.PRACTICE)


@pytest.mark.parametrize("part", data_sources.SOURCES, ids=lambda part: part.name)
def test_every_record_has_a_builder_and_a_description(part: data_sources.Part) -> None:
    assert callable(part.load())
    assert part.doc
    assert part.source.startswith("https://")
    for hyperparameter in part.hyperparameters:
        assert hyperparameter.doc
        assert hyperparameter.complaint(hyperparameter.default) is None


def test_the_table_needs_no_array_library() -> None:
    code = (
        "import sys; import trainables.parts.data_sources; assert not {'numpy', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_are_distinct_and_torchvision_sets_have_a_layout() -> None:
    names = [part.name for part in data_sources.SOURCES]
    assert len(set(names)) == len(names)
    assert {part.name for part in data_sources.SOURCES if "torchvision" in part.builder} == set(LAYOUTS)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_rows_of_a_shipped_set_are_those_that_are_read(name: str) -> None:
    assert len(ScikitLearnSet(name).development()) == data_sources.DEVELOPMENT_ROWS[name]


def test_the_rows_of_every_set_that_is_always_the_same_are_in_the_table() -> None:
    assert set(data_sources.DEVELOPMENT_ROWS) == {*SHIPPED, *LAYOUTS}
    for name, rows in data_sources.DEVELOPMENT_ROWS.items():
        part = data_sources.source(name)
        assert part is not None
        assert 0.2 <= rows / int(part.doc.split()[0].replace(",", "")) <= 0.9, name


def test_faults_name_what_is_wrong_and_what_is_legal() -> None:
    found = data_sources.faults("csv", {"file": 3, "colour": "red", "task": "ranking"})
    assert [fault.path for fault in found] == [
        "arguments.file",
        "arguments.colour",
        "arguments.task",
        "arguments.target",
    ]
    assert "test_share" in found[1].message
    assert "classification, regression" in found[2].message
    assert "column to predict" in found[3].message
    assert data_sources.faults("csv", {"file": "a.csv", "target": "y", "ignore": ["a", "b"]}) == []
    assert (
        "a list of texts"
        in data_sources.faults("csv", {"file": "a", "target": "y", "ignore": "a"})[0].message
    )
    (numbers,) = data_sources.faults("csv", {"file": "a", "target": "y", "missing": [-999, "?"]})
    assert numbers.message.endswith('is not a list of texts; with quotation marks: ["-999", "?"]')
    assert data_sources.faults("my.module:load", {"anything": 1}) == []
    assert "module:function" in data_sources.faults("my.module", {})[0].message


def test_columns_join_the_arguments() -> None:
    assert data_sources.columns({"file": "a"}, groups="who") == {"file": "a", "groups": "who"}
    assert data_sources.columns({"file": "a"}) == {"file": "a"}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_sets_agree_with_scikit_learn(name: str, tmp_path: Path) -> None:
    import sklearn.datasets

    arguments = {"scaled": False} if name == "diabetes" else {}
    theirs = getattr(sklearn.datasets, f"load_{name}")(**arguments)
    ours = ScikitLearnSet(name).whole()
    assert ours.info.practice
    if name == "digits":
        np.testing.assert_array_equal(ours.inputs[..., 0], np.rint(theirs.images * 255 / 16))
        assert ours.inputs.max() == 255
    else:
        np.testing.assert_allclose(ours.inputs, theirs.data, rtol=1e-6)
        assert ours.info.columns == tuple(theirs.feature_names)
    np.testing.assert_array_equal(ours.targets, theirs.target)
    if ours.info.task == "classification":
        assert ours.info.classes == tuple(str(each) for each in theirs.target_names)
    source = data_sources.open_source(name, {}, SourcePaths(tmp_path, tmp_path))
    development, test = source.development(), source.test()
    assert test is not None
    assert len(development) + len(test) == len(ours)
    assert abs(len(test) - 0.2 * len(ours)) <= 2
    assert source.state() == source.state()


def test_missing_user_code_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing_here:load cannot be imported"):
        data_sources.open_source("nothing_here:load", {}, SourcePaths(tmp_path, tmp_path))
