"""The page that ``hpo ui`` opens: a leaderboard of trials, as a shared view of an MLflow experiment.

MLflow keeps a shared view in a tag of its experiment. Neither the tag nor its content is documented, so
the view is written only for the versions of MLflow that a test has looked at; with any other version,
``hpo ui`` opens the list of runs.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from hpo.core.objective import Objective
from hpo.tracking.mlflow_values import keys_of
from hpo.tracking.sqlite_schema import connect

VERSIONS = ("3.17.",)
"""Versions of MLflow whose shared views are known to look like this."""

KEY = "hpo"
TAG = f"mlflow.sharedViewState.{KEY}"
QUERY = f"viewStateShareKey={KEY}"
"""What an address needs to open the view."""

COLUMNS = ("tags.`search`", "tags.`trial`", "tags.`winner`", "metrics.`objective`")
SECTION = "hpo"
MOST_COLUMNS, MOST_AXES = 12, 8
"""Parameters in the table and in the parallel coordinates; more are hard to read."""


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """What the page shows of an experiment.

    Attributes:
        experiment: Name of the experiment.
        parameters: The searched parameters, in the order of the spec.
        always: Those of them that every trial has, with numbers or with texts. MLflow leaves a run out of
            the parallel coordinates if it has no value on one of the axes, or one of the other kind.
        objective: What the trials are sorted by.
    """

    experiment: str
    parameters: tuple[str, ...]
    always: tuple[str, ...]
    objective: Objective

    def state(self) -> str:
        """Return the view as MLflow keeps it."""
        keys = keys_of(self.parameters)
        axes = [keys[name] for name in self.always[:MOST_AXES]]
        view = {
            "searchFilter": "tags.kind = 'trial' AND tags.state = 'finished'",
            "orderByKey": "metrics.`objective`",
            "orderByAsc": self.objective.mode == "min",
            "selectedColumns": [*COLUMNS, *self._columns()],
            "runsHiddenMode": "FIRST_20_RUNS",
            "isAccordionReordered": True,  # otherwise sections are sorted by name
            "compareRunCharts": [
                _chart("PARALLEL", showAllRuns=True, selectedParams=axes, selectedMetrics=["objective"]),
                _chart("LINE", metricKey=self.objective.key, selectedMetricKeys=[self.objective.key]),
            ],
            "compareRunSections": [
                {"uuid": SECTION, "name": "Trials", "display": True, "isReordered": False}
            ],
        }
        return json.dumps(view)

    def _columns(self) -> list[str]:
        return [f"params.`{key}`" for key in list(keys_of(self.parameters).values())[:MOST_COLUMNS]]


def _chart(kind: str, **fields: object) -> dict[str, object]:
    common = {"metricSectionId": SECTION, "deleted": False, "isGenerated": False, "runsCountToCompare": 10}
    return {"type": kind, "uuid": f"hpo-{kind.lower()}", **common, **fields}


def is_supported() -> bool:
    """Return whether the installed MLflow shows such a view."""
    return version("mlflow").startswith(VERSIONS)


def write_leaderboard(file: Path, board: Leaderboard) -> str:
    """Write the view of an experiment into a home's store.

    Returns:
        The experiment's id; empty if there is no such experiment yet.
    """
    find = "SELECT experiment_id FROM experiments WHERE workspace = 'default' AND name = ?"
    with closing(connect(file)) as store:
        row = store.execute(find, (board.experiment,)).fetchone()
        if row is None:
            return ""
        write = "INSERT OR REPLACE INTO experiment_tags (key, value, experiment_id) VALUES (?, ?, ?)"
        store.execute(write, (TAG, board.state(), row[0]))
    return str(row[0])
