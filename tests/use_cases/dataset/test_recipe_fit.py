"""Recipes that do not fit the images or the weights that they start from are found before a search."""

import pytest
from safetensors.torch import save_file

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo
from hpo.spec import parse_spec
from hpo.use_cases.dataset.recipe_fit import recipe_warnings
from trainables.networks import build
from trainables.registry import IMAGE_CLASSIFIER

CNN = {"model": {"name": "cnn", "channels": 4, "stages": 2}}
COLOUR = DataInfo("image", "classification", (8, 8, 3), ("cat", "dog"))
FOUR = [0.1, 0.2, 0.3, 0.4]


def warnings_of(recipe, info=COLOUR, **space):
    document = {
        "version": 1,
        "data": {"source": "digits"},
        "trainable": "image_classifier",
        "recipe": recipe,
        "space": {"learning_rate": {"loguniform": [0.001, 0.1]}, **space},
        "scheduler": {"max_epochs": 3},
        "budget": {"trials": 3},
    }
    return recipe_warnings(parse_spec(document), info)


@pytest.fixture
def weights(tmp_path):
    network = build.network(IMAGE_CLASSIFIER.grammar.resolve(CNN), (3, 8, 8), 2)
    path = tmp_path / "root.safetensors"
    save_file(network.state_dict(), path)
    return str(path)


def test_four_given_means_are_refused_for_colours_and_not_for_grey():
    given = {"preprocessing": {"name": "given_mean_std", "mean": FOUR}}
    with pytest.raises(UserError, match=r"preprocessing\.mean: has 4 values, and images have 3 channels"):
        warnings_of(given)
    grey = DataInfo("image", "classification", (8, 8, 1), ("cat", "dog"))
    assert warnings_of(given, grey) == warnings_of({}) == []


def test_a_misfit_that_some_trials_draw_is_a_warning():
    given = {"preprocessing": {"mean": FOUR}}
    (warning,) = warnings_of(given, preprocessing={"choice": ["given_mean_std", "none"]})
    assert warning.startswith("preprocessing.mean: has 4 values")
    assert warning.endswith("trials that draw that will fail")


def test_weights_of_this_network_fit_and_others_are_refused(weights):
    assert warnings_of({**CNN, "transfer": {"name": "head", "weights": weights, "stage": 2}}) == []
    with pytest.raises(UserError, match=r"transfer\.stage: 3 does not exist; this network has 2 stages"):
        warnings_of({**CNN, "transfer": {"name": "head", "weights": weights, "stage": 3}})
    with pytest.raises(UserError, match="the file belongs to another network"):
        warnings_of({"model": "mlp", "transfer": {"name": "all_stages", "weights": weights}})


def test_weights_that_are_not_here_are_a_warning_because_a_node_may_have_them():
    (warning,) = warnings_of({**CNN, "transfer": {"name": "head", "weights": "nowhere.safetensors"}})
    assert warning.startswith("transfer.weights: nowhere.safetensors does not exist here")
