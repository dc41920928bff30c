"""Questions to an earlier home beyond its record: train, test and use its recipes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from tests.compatibility.earlier import Earlier

VERIFIED = ("digits", "plain", "race")
NEW_DATA = {"digits": "new_digits.npy", "table": "new_rows.csv", "race": "new_rows.csv"}


def verified(earlier: Earlier, name: str) -> dict[str, Any]:
    """Return the result of verifying the exported recipe of a search."""
    recipe = str(earlier.root / "sources" / f"verify-{name}.yaml")
    assert earlier.run("export", name, "--out", recipe)[0] == 0
    return earlier.ask("verify", recipe)


def predicted(earlier: Earlier, name: str) -> dict[str, Any]:
    """Return the predictions of a search's model for new data, with weights copied elsewhere."""
    folder = earlier.root / f"carried-{name}"
    folder.mkdir()
    recipe = str(folder / "recipe.yaml")
    assert earlier.run("export", name, "--out", recipe, "--weights")[0] == 0
    return earlier.ask("predict", recipe, NEW_DATA[name])


def resumed(earlier: Earlier) -> dict[str, Any]:
    """Resume the interrupted search to its end: its answer, its new events, what MLflow then names.

    Of a report the names of its metrics, as the training is one that other processors change a little.
    """
    before = len(earlier.events("interrupted"))
    answer = earlier.ask("resume", "interrupted")
    new = earlier.decisions("interrupted", before)
    for kind, body in new:
        if kind == "Reported":
            body["metrics"] = sorted(body["metrics"])
    return {"answer": answer, "events": new, "mlflow": shown(earlier)}


def shown(earlier: Earlier) -> dict[str, list[str]]:
    """Names of tags, parameters and metrics of the runs of all searches, as MLflow has them."""
    with closing(sqlite3.connect(earlier.root / "home" / "mlflow.db")) as store:
        return {
            table: [key for (key,) in store.execute(f"SELECT DISTINCT key FROM {table} ORDER BY key")]
            for table in ("tags", "params", "metrics")
        }
