"""Errors and warnings about data that is insufficient for a spec, before anything is trained."""

from dataclasses import replace

import numpy as np
import pytest

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo
from hpo.data.prepared import ORIGINALS, Prepared, TestManifest
from hpo.data.split import RowLabels, split
from hpo.spec import parse_spec
from hpo.use_cases.dataset.checks import data_warnings
from hpo.use_cases.dataset.split_dataset import SplitDataset

DOCUMENT = {
    "version": 1,
    "name": "sound",
    "data": {"source": "digits"},
    "trainable": "image_classifier",
    "space": {"learning_rate": {"loguniform": [0.001, 0.1]}},
    "scheduler": {"max_epochs": 3},
    "budget": {"trials": 9},
}


def spec_with(data=None, **finalists):
    return parse_spec({**DOCUMENT, "data": {**DOCUMENT["data"], **(data or {})}, "finalists": finalists})


def split_dataset(tmp_path, spec, n=1000, test=500, groups=None, times=None, classes=2):
    targets = np.arange(n) % classes
    names = tuple(str(label) for label in range(classes))
    info = DataInfo("image", "classification", (8, 8, 1), names)
    sealed = TestManifest(test, "t", tmp_path / "d", None, tmp_path / "c")
    counts = tuple(np.bincount(targets).tolist())
    labelled = RowLabels(targets, names, groups, times)
    roles = {"search": spec.data.search_share}
    if spec.data.final_share is not None:
        roles["final"] = spec.data.final_share
    cut = split(targets, validation=roles, seed=0, groups=groups, times=times, classes=names)
    return SplitDataset(Prepared(tmp_path, "f", info, n, counts, sealed), cut, labelled, 0)


def warnings_of(tmp_path, spec, **data):
    return data_warnings(spec, split_dataset(tmp_path, spec, **data))


def test_ordinary_data_gives_no_warning(tmp_path):
    assert warnings_of(tmp_path, spec_with()) == []
    assert warnings_of(tmp_path, spec_with(folds=5)) == []


@pytest.mark.parametrize(
    ("targets", "reason"),
    [
        (np.zeros(1000, np.int64), "all of its rows are of class '0'"),
        (np.arange(1000) % 50, "it has rows of 50 classes, and at most 20 are ranked"),
    ],
)
def test_a_metric_without_a_value_on_the_validation_part_is_refused(tmp_path, targets, reason):
    spec = parse_spec({**DOCUMENT, "objective": {"metric": "roc_auc"}})
    made = split_dataset(tmp_path, spec, classes=50)
    labelled = replace(made.labelled, targets=targets)
    with pytest.raises(UserError, match=f"roc_auc has no value on the validation part, because {reason}"):
        data_warnings(spec, replace(made, labelled=labelled))
    assert data_warnings(parse_spec(DOCUMENT), replace(made, labelled=labelled))[1:] == []


def test_the_explained_share_of_equal_validation_targets_is_refused(tmp_path):
    spec = parse_spec(
        {**DOCUMENT, "trainable": "tabular", "data": {"source": "diabetes"}, "objective": {"metric": "r2"}}
    )
    made = split_dataset(tmp_path, spec)
    info = DataInfo("table", "regression", (4,))
    made = replace(
        made,
        prepared=replace(made.prepared, info=info),
        labelled=replace(made.labelled, targets=np.full(1000, 1.5, np.float32)),
    )
    with pytest.raises(
        UserError, match=r"r2 has no value on the validation part, because all of its .* are 1\.5"
    ):
        data_warnings(spec, made)


def test_a_recipe_that_wants_more_pixels_than_are_stored_gives_a_warning(tmp_path):
    def warned(**recipe):
        return warnings_of(tmp_path, parse_spec({**DOCUMENT, "recipe": {"model": {"name": "cnn"}, **recipe}}))

    assert warned(image_size=8) == []
    assert warned(image_size=32, test_size=8) == [
        "images are stored with 8 x 8 pixels and enlarged to recipe.image_size: 32; store larger ones"
    ]
    (both,) = warned(image_size=16, test_size=32)
    assert "enlarged to recipe.image_size: 16 and recipe.test_size: 32;" in both
    (tmp_path / ORIGINALS).touch()
    assert warned(image_size=32) == []


def test_accuracy_with_a_majority_class_gives_a_warning(tmp_path):
    def warned(counts, metric=None):
        spec = parse_spec({**DOCUMENT, "objective": {"metric": metric}}) if metric else spec_with()
        dataset = split_dataset(tmp_path, spec, n=sum(counts))
        targets = np.repeat(np.arange(2), counts)
        return data_warnings(spec, replace(dataset, labelled=RowLabels(targets, ("0", "1"), None, None)))

    (warning,) = warned((985, 15))
    assert warning.startswith("98.5 % of the examples are of class '0': always answering that class has an ")
    assert "accuracy of 0.985; balanced_accuracy" in warning
    (warning,) = warned((40, 960), "error")
    assert "class '1': always answering that class has an error of 0.04;" in warning
    assert warned((985, 15), "balanced_accuracy") == warned((985, 15), "log_loss") == []
    assert warned((700, 300)) == warned((985, 15), "average_precision") == []
    (warning,) = warned((15, 985), "average_precision")
    assert "is that of the second, '1', which 98.5 % of the examples have" in warning


def test_a_warmup_in_steps_is_compared_with_the_steps_of_the_training(tmp_path):
    def warned(warmup, **space):
        recipe, data = (
            {"batch_size": 100, "warmup": warmup},
            {"source": "image_folder", "arguments": {"root": "images"}},
        )
        document = {**DOCUMENT, "data": data, "recipe": recipe}
        return warnings_of(tmp_path, parse_spec({**document, "space": {**DOCUMENT["space"], **space}}))

    # 1000 rows without 20 % for validation: 3 epochs of 8 batches of 100.
    assert warned({"name": "steps", "length": 24}) == []
    with pytest.raises(
        UserError, match=r"warmup\.length: is longer than the training, which has 24 steps at"
    ):
        warned({"name": "steps", "length": 25})
    (warning,) = warned("steps", **{"warmup.length": {"choice": [10, 30]}})
    assert "has 24 steps at most" in warning
    assert warning.endswith("some trials can draw that")


def test_data_that_a_shipped_trainable_cannot_take_is_refused(tmp_path):
    with pytest.raises(UserError, match="tabular takes tables, and this data has images of shape 8 x 8 x 1"):
        warnings_of(tmp_path, parse_spec({**DOCUMENT, "trainable": "tabular"}))
    with pytest.raises(UserError, match="all examples are of class '0'"):
        warnings_of(tmp_path, spec_with(), classes=1)


def test_a_final_part_that_is_too_small_is_refused_with_the_required_size(tmp_path):
    spec = spec_with({"validation": {"search": 0.2, "final": 0.004}}, count=3, seeds=5, rule="race")
    with pytest.raises(UserError, match=r"4 examples cannot tell 3 finalists apart .* at least 6 are needed"):
        warnings_of(tmp_path, spec)


def test_a_small_final_part_gives_a_warning_with_the_detectable_difference(tmp_path):
    spec = spec_with({"validation": {"search": 0.2, "final": 0.1}}, count=3, seeds=8, rule="race")
    (warning,) = warnings_of(tmp_path, spec)
    assert "100 examples" in warning
    assert "differ by 0.062 or more; 0.02 would require 961 examples, a share of 0.96" in warning
    assert warnings_of(tmp_path, spec_with({"validation": {"search": 0.2, "final": 0.1}}, count=1)) == []


def test_a_final_part_must_resolve_the_margin_of_a_race(tmp_path):
    final = {"validation": {"search": 0.2, "final": 0.1}}
    (warning,) = warnings_of(tmp_path, spec_with(final, count=2, seeds=8, rule="race", margin=0.01))
    assert "0.01 would require 2,706 examples, a share of more than all rows" in warning
    assert warnings_of(tmp_path, spec_with(final, count=2, seeds=8, rule="race", margin=0.08)) == []


def test_more_folds_than_examples_of_a_class_name_the_class(tmp_path):
    with pytest.raises(UserError, match=r"finalists.folds: 60 folds: .*class '0' has 50 examples"):
        warnings_of(tmp_path, spec_with(folds=60), n=100)


def test_groups_too_few_for_the_folds_are_refused(tmp_path):
    groups = np.arange(1000) // 250
    with pytest.raises(UserError, match=r"finalists.folds: 5 folds: data: 4 groups cannot be divided"):
        warnings_of(tmp_path, spec_with(folds=5), groups=groups)
    (warning,) = warnings_of(tmp_path, spec_with(folds=3), groups=groups)
    assert "4 groups in 3 folds" in warning


def test_times_that_cannot_be_cut_are_refused_and_groups_give_a_warning(tmp_path):
    with pytest.raises(UserError, match="2 distinct times of 1000 rows cannot be cut into 6 parts"):
        warnings_of(tmp_path, spec_with(folds=5), times=(np.arange(1000) >= 800).astype(float))
    days = np.arange(1000.0)
    assert warnings_of(tmp_path, spec_with(folds=5), times=days) == [
        "folds follow time, so they are the same for every fresh seed"
    ]
    (warning,) = warnings_of(tmp_path, spec_with(), times=days, groups=np.arange(1000) // 10)
    assert "it is split by time" in warning


def test_a_test_part_smaller_than_thirty_gives_a_warning(tmp_path):
    (warning,) = warnings_of(tmp_path, spec_with(), test=29)
    assert "29 examples" in warning
    assert warnings_of(tmp_path, spec_with(), test=30) == []
