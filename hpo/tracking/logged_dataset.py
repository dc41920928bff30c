"""The data of a search as MLflow's *Datasets* show it: name, digest, and rows in each part."""

from __future__ import annotations

import json

from hpo.core.events import SearchOpened
from hpo.core.json_values import JsonFields, JsonObject
from hpo.tracking.mlflow_values import cut
from hpo.tracking.run_changes import LoggedDataset

LONGEST_NAME, LONGEST_DIGEST = 500, 36


def dataset_of(event: SearchOpened) -> LoggedDataset | None:
    """Return the data of a search; None if its record does not identify it."""
    fingerprint = str(event.split.get("data") or event.split.get("fingerprint") or "")
    source = str((event.spec.get("data") or {}).get("source") or "")
    if not fingerprint or not source:
        return None
    name = cut(source, LONGEST_NAME)
    return LoggedDataset(
        name=name,
        digest=fingerprint[:LONGEST_DIGEST],
        source=json.dumps({"tags": {"source": name}}),
        profile=json.dumps(_rows(event.split)),
    )


def _rows(split: JsonFields) -> JsonObject:
    test = split.get("test") or {}
    return {**(split.get("counts") or {}), **({"test": test["n"]} if "n" in test else {})}
