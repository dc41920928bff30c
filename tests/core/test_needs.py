"""Shares of a GPU, the amounts that Ray counts, and which nodes are of the right kind."""

import pytest

from hpo.core.needs import GRAIN, Needs, share_of


@pytest.mark.parametrize(
    ("gpus", "parts"),
    [(0.5, 2), (0.25, 4), (0.33, 3), (0.3333, 3), (0.3334, 3), (0.1667, 6), (0.01, 100)],
)
def test_a_fraction_near_1_over_k_is_a_share(gpus, parts):
    assert share_of(gpus) == parts
    assert Needs(1, gpus).parts == parts


@pytest.mark.parametrize("gpus", [0, 1, 2, 0.3, 0.4, 0.6, 0.7, 0.9, 0.99])
def test_other_fractions_and_whole_gpus_are_not_shares(gpus):
    assert share_of(gpus) is None


@pytest.mark.parametrize("parts", range(2, 101))
def test_all_shares_of_a_gpu_fit_on_it_as_ray_counts(parts):
    for written in (1 / parts, round(1 / parts, 4), round(1 / parts, 2)):
        if share_of(written) == parts:
            grains = round(Needs(1, written).bundle["GPU"] * GRAIN)
            assert grains * parts <= GRAIN < grains * (parts + 1)


def test_a_training_fits_as_often_as_its_scarcest_resource_allows():
    needs = Needs(1, 0.25, custom={"licence": 1})
    assert needs.fit_into({"CPU": 16, "GPU": 2, "licence": 3}) == 3
    assert needs.fit_into({"CPU": 16, "GPU": 2, "licence": 30}) == 8
    assert needs.fit_into({"CPU": 16, "GPU": 2}) == 0
    assert Needs(2, 2).fit_into({"CPU": 16, "GPU": 7}) == 3
    assert Needs(0.5).fit_into({"CPU": 2}) == 4


def test_a_node_needs_one_of_the_values_of_each_label():
    needs = Needs(1, labels={"accelerator": ("H100", "B200"), "zone": ("a",)})
    assert needs.matches({"accelerator": "B200", "zone": "a", "more": "x"})
    assert not needs.matches({"accelerator": "B200"})
    assert not needs.matches({"accelerator": "A100", "zone": "a"})
    assert needs.kind == " labelled accelerator=H100 or B200 and zone=a"


def test_negative_amounts_are_refused():
    for wrong in ({"cpus": 0}, {"cpus": 1, "gpus": -1}, {"cpus": 1, "custom": {"licence": 0}}):
        with pytest.raises(ValueError, match="negative"):
            Needs(**wrong)
