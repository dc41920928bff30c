"""The spec to start from after trying a recipe: what was tried, without what is a default anyway."""

from __future__ import annotations

from hpo.core.command import BY_COMMAND, ScriptCommand
from hpo.core.json_values import JsonObject
from hpo.spec.fields import STORED_ONLY
from hpo.spec.rewriting import without_defaults
from hpo.spec.search_spec import SearchSpec

ALWAYS = ("version", "data", "trainable", "space", "budget")


def starting_spec(spec: SearchSpec) -> JsonObject:
    """Return the fields that differ from their defaults; the test part is opened on request only."""
    fields = without_defaults(spec.document)
    for name in (*STORED_ONLY, "name", "experiment"):
        fields.pop(name, None)
    command = ScriptCommand.of(spec.trainable)
    if command is not None:
        fields["trainable"] = {key: value for key, value in command.to_json().items() if key != "parameters"}
        if spec.data.source == BY_COMMAND:
            del fields["data"]
    order = [*ALWAYS, *(name for name in fields if name not in ALWAYS)]
    return {"version": 1, **{name: fields[name] for name in order if name in fields}, "test": "on_request"}
