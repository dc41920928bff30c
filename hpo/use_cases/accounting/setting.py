"""What was decided before a search began, as its account tells it."""

from __future__ import annotations

from typing import Any

from hpo.core.recipe import Recipe
from hpo.spec import SearchSpec
from hpo.spec.overview import rows


def search_setting(spec: SearchSpec) -> dict[str, Any]:
    """Space, fixed choices, methods and resources, as a JSON value."""
    scheduler, resources = spec.scheduler, spec.resources
    return {
        "trainable": spec.trainable,
        "space": [{"name": row.name, "values": row.values, "when": row.when} for row in rows(spec)],
        "forbidden": len(spec.space.forbid),
        "fixed": Recipe(spec.recipe).flat(),
        "started_from": len(spec.start_from),
        "sampler": {"name": spec.sampler.name, "options": dict(spec.sampler.options)},
        "scheduler": {"name": scheduler.name, "rungs": list(scheduler.rungs), "epochs": spec.horizon},
        "unit": scheduler.unit,
        "resources": {
            "cpus": resources.cpus,
            "gpus": resources.gpus,
            "threads": resources.threads,
            "device": "cuda" if resources.gpus else "cpu",
        },
    }
