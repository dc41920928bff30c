"""What is scored on a test part: the fixed model, and the sealed rows on record."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from hpo import spec as specs
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.recipe import Recipe
from hpo.data.custodian import prepare
from hpo.data.prepared import Prepared, TestManifest, read
from hpo.data.recorded_cuts import CutsOnRecord
from hpo.spec import SearchSpec
from hpo.use_cases.dataset.code_check import changes_of_search
from hpo.use_cases.dataset.register_access import signing_key
from hpo.use_cases.model.members import ModelMember, open_members
from hpo.use_cases.model.register_policy import is_exempt


@dataclass(frozen=True)
class ScoringTask:
    """The model to score and the test part to score it on.

    Attributes:
        spec: Spec of the search.
        members: Members of the fixed model.
        recipe: Recipe of the winner.
        dataset: The data as it is now.
        sealed: The test part on record since the search was opened.
        exempt: Whether openings of this test part are not counted.
        practice: Whether the score is labelled practice.
        changed: Files of the user's code that are not those on record.
        key: Secret of the register; None for practice data.
        history: The search's record.
        developed: The data as it was when the search was opened; None if it is no longer kept.
    """

    spec: SearchSpec
    members: tuple[ModelMember, ...]
    recipe: Recipe
    dataset: Prepared
    sealed: TestManifest
    exempt: bool
    practice: bool
    changed: list[str]
    key: bytes | None
    history: History
    developed: Prepared | None


def scoring_task(home: Home, name: str, history: History) -> ScoringTask:
    """Prepare everything that can be prepared while the test part is sealed."""
    assert history.opened is not None
    assert history.winner is not None
    spec = specs.parse_spec(history.opened.spec, source=name)
    data = spec.data
    members = open_members(home, name, history)
    cuts = CutsOnRecord.of_record(history.opened.split)
    recorded = read(home.data(history.opened.split["data"]))
    key = signing_key(data)
    prepared = prepare(data.source, data.source_arguments, home, spec.base, key, cuts)
    assert prepared.test is not None
    targets = recorded.test.targets if recorded and recorded.test else ""
    return ScoringTask(
        spec,
        members,
        Recipe(history.trainings[history.winner.trial, 0].recipe),
        prepared,
        dataclasses.replace(prepared.test, targets=targets, **history.opened.split["test"]),
        is_exempt(data, prepared),
        prepared.info.practice if data.practice is None else data.practice,
        changes_of_search(spec, history),
        key,
        history,
        recorded,
    )
