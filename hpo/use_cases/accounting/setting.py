"""The part of an account that was decided before the search began."""

from __future__ import annotations

from hpo.core.command import shown_trainable
from hpo.core.recipe import Recipe
from hpo.core.search_setting import ResourcesUsed, SamplerUsed, SchedulerUsed, SearchSetting, SpaceRow
from hpo.spec import SearchSpec
from hpo.spec.overview import rows


def search_setting(spec: SearchSpec) -> SearchSetting:
    """Return space, fixed choices, methods and resources of a search."""
    scheduler, resources = spec.scheduler, spec.resources
    return SearchSetting(
        trainable=shown_trainable(spec.trainable),
        space=tuple(SpaceRow(row.name, row.values, row.when) for row in rows(spec)),
        forbidden=len(spec.space.forbid),
        fixed=Recipe(spec.recipe).flat(),
        started_from=len(spec.start_from),
        sampler=SamplerUsed(spec.sampler.name, dict(spec.sampler.options)),
        scheduler=SchedulerUsed(scheduler.name, tuple(scheduler.rungs), spec.horizon),
        unit=scheduler.unit,
        resources=ResourcesUsed(
            resources.cpus, resources.gpus, resources.threads, "cuda" if resources.gpus else "cpu"
        ),
    )
