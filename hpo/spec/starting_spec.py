"""The spec to start from after trying a recipe: what was tried, without what is a default anyway."""

from __future__ import annotations

from typing import Any

from hpo.spec.fields import STORED_ONLY, Document
from hpo.spec.search_spec import SearchSpec

ALWAYS = ("version", "data", "trainable", "space", "budget")


def starting_spec(spec: SearchSpec) -> dict[str, Any]:
    """Return the fields that differ from their defaults; the test part is opened on request only."""
    document = Document.model_validate(dict(spec.document))
    fields: dict[str, Any] = document.model_dump(mode="json", exclude_defaults=True)
    fields["data"].pop("reading", None)
    for name in (*STORED_ONLY, "name", "experiment"):
        fields.pop(name, None)
    order = [*ALWAYS, *(name for name in fields if name not in ALWAYS)]
    return {"version": 1, **{name: fields[name] for name in order if name in fields}, "test": "on_request"}
