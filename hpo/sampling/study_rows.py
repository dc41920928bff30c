"""Insert all trials of a study in one transaction.

``Study.add_trials`` makes a query for every parameter and every reported value: minutes for 1,000 trials
of forty parameters. Optuna's models of its tables are not documented; a test compares what they write with
what ``add_trials`` writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from optuna.distributions import distribution_to_json
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial


def insert_trials(storage: RDBStorage, study_id: int, trials: Sequence[FrozenTrial]) -> None:
    """Insert the trials of the only study of a storage, which has none yet.

    Args:
        storage: Storage of the study.
        study_id: Id of the study in the storage.
        trials: Its trials, in the order of their numbers. A parameter has one distribution in all of them.
    """
    tables: dict[Any, list[dict[str, object]]] = {
        models.TrialModel: list(_trials(study_id, trials)),
        models.TrialParamModel: list(_parameters(trials)),
        models.TrialValueModel: list(_values(trials)),
        models.TrialIntermediateValueModel: list(_intermediate_values(trials)),
        models.TrialUserAttributeModel: list(_attributes(trials)),
    }
    with storage.scoped_session() as session, session.begin():
        for model, rows in tables.items():
            if rows:
                session.execute(model.__table__.insert(), rows)


def _trials(study_id: int, trials: Sequence[FrozenTrial]) -> Iterator[dict[str, object]]:
    for number, trial in enumerate(trials, 1):
        # its properties convert to UTC
        model = models.TrialModel(
            datetime_start=trial.datetime_start, datetime_complete=trial.datetime_complete
        )
        yield {
            "trial_id": number,
            "number": number - 1,
            "study_id": study_id,
            "state": trial.state,
            "datetime_start": model._datetime_start_utc,
            "datetime_complete": model._datetime_complete_utc,
        }


def _parameters(trials: Sequence[FrozenTrial]) -> Iterator[dict[str, object]]:
    documents: dict[str, str] = {}
    for number, trial in enumerate(trials, 1):
        for name, value in trial.params.items():
            distribution = trial.distributions[name]
            if name not in documents:
                documents[name] = distribution_to_json(distribution)
            yield {
                "trial_id": number,
                "param_name": name,
                "param_value": distribution.to_internal_repr(value),
                "distribution_json": documents[name],
            }


def _values(trials: Sequence[FrozenTrial]) -> Iterator[dict[str, object]]:
    for number, trial in enumerate(trials, 1):
        if trial.value is not None:
            value, kind = models.TrialValueModel.value_to_stored_repr(trial.value)
            yield {"trial_id": number, "objective": 0, "value": value, "value_type": kind}


def _intermediate_values(trials: Sequence[FrozenTrial]) -> Iterator[dict[str, object]]:
    stored = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr
    for number, trial in enumerate(trials, 1):
        for step, reported in trial.intermediate_values.items():
            value, kind = stored(reported)
            yield {
                "trial_id": number,
                "step": step,
                "intermediate_value": value,
                "intermediate_value_type": kind,
            }


def _attributes(trials: Sequence[FrozenTrial]) -> Iterator[dict[str, object]]:
    for number, trial in enumerate(trials, 1):
        for key, value in trial.user_attrs.items():
            yield {"trial_id": number, "key": key, "value_json": json.dumps(value)}
