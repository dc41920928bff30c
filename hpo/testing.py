"""Check a trainable of your own in your own tests.

from hpo.testing import check_trainable

def test_my_model():
    check_trainable("spec.yaml", values={"lr": 0.01})
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from hpo.core.home import Home
from hpo.core.json_values import SpecFields

if TYPE_CHECKING:
    from hpo.core.space import Point
    from hpo.spec import SearchSpec
    from hpo.spec.composed_spec import DataSource, Sections
    from hpo.use_cases.health.attempt import Attempt


def check_trainable(
    spec: str | Path | SpecFields | SearchSpec | Callable[..., Any],
    *,
    data: DataSource | None = None,
    space: SpecFields | None = None,
    budget: int | SpecFields | None = None,
    max_epochs: int | None = None,
    values: Point | None = None,
    **sections: Unpack[Sections],
) -> Attempt:
    """Train one recipe for an epoch or two, and check all that a search relies on.

    Its weights are saved, loaded and scored in another process; it is continued from a checkpoint and trained
    again on the same seed; loaded weights are those that were saved; scores depend neither on the order nor
    on the number of rows; and the data is left as it was. No test row is read.

    Args:
        spec: A spec, or with ``data``, ``space`` and ``budget`` what trains, as for `hpo.submit`.
        data: The data.
        space: Ranges by the names of hyperparameters.
        budget: Number of trials, from which the time of a search is estimated.
        max_epochs: Epochs of a full training.
        values: Hyperparameters of the recipe, by dotted name; by default what a search would try first.
        sections: Further sections of a composed spec.

    Returns:
        What was found, for further assertions.

    Raises:
        AssertionError: If anything does not hold; the message lists it.
        InvalidSpec: If the spec has faults.
        UserError: If a value is not legal, or the data cannot be read.
    """
    from hpo.api import spec_of
    from hpo.use_cases.contract import ContractChecks
    from hpo.use_cases.dataset.split_dataset import split_dataset_of
    from hpo.use_cases.try_recipe import try_recipe

    checked = spec_of(spec, data, space, budget, max_epochs, (), sections)
    with tempfile.TemporaryDirectory(prefix="hpo-contract-") as folder:
        home = Home(Path(folder)).create()
        prepared = split_dataset_of(checked.data, checked.base, home).prepared
        checks = ContractChecks(prepared.folder)
        attempt = try_recipe(checked, home=home, values=values, further=checks)
    wrong = [f"{finding.name}: {finding.detail}" for finding in attempt.findings if finding.result == "fails"]
    if wrong:
        raise AssertionError("; ".join(wrong))
    return attempt
