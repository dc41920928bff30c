"""What this machine or a cluster cannot run is refused before a search is opened."""

import pytest

from hpo.core.errors import UserError
from hpo.spec import parse_spec
from hpo.use_cases.search.capacity import local_cpus, require_capacity

TINY = {
    "version": 1,
    "data": {"source": "digits"},
    "trainable": "tabular",
    "space": {"learning_rate": {"loguniform": [0.001, 0.1]}},
    "scheduler": {"max_epochs": 3},
    "budget": {"trials": 2},
}


def test_a_trial_that_needs_more_cpus_than_this_machine_has_is_refused():
    require_capacity(parse_spec(TINY | {"resources": {"cpus": local_cpus()}}), None)
    with pytest.raises(UserError, match=rf"a trial needs 99, this machine has {local_cpus()}; set resources"):
        require_capacity(parse_spec(TINY | {"resources": {"cpus": 99}}), None)


def test_a_missing_cluster_is_a_sentence():
    with pytest.raises(UserError, match=r"there is no Ray cluster to join at '127\.0\.0\.1:1'"):
        require_capacity(parse_spec(TINY), "127.0.0.1:1")
