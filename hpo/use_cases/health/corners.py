"""Time and memory of an epoch at the corners of a space."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from hpo.core.formatting import count, duration, plain, size
from hpo.core.health import CornerCost, HealthCheck
from hpo.core.recipe import Recipe
from hpo.core.space import Choice, Point, Space, Uniform
from hpo.use_cases.health.few_rows import FewRows
from hpo.use_cases.health.short_training import Setting, line_of

MOST = 24
"""Trainings along single parameters."""
ROWS = 400
SECONDS = 20.0
SLOW = 20.0
"""Factor between the slowest corner and the first point that is worth a doubt."""

Measure = Callable[[str, Point], CornerCost]


def corner_costs(space: Space, start: Point, measure: Measure) -> tuple[CornerCost, ...]:
    """Train an epoch at the first point, along single parameters, and at their slowest and fastest values.

    Only whole numbers and choices are changed: they determine the size of a network, ranges of real numbers
    hardly ever do.
    """
    first = measure("the first point", start)
    slowest, fastest = dict(start), dict(start)
    costs = [first]
    for name, values in _varied(space, start):
        along = [
            (value, measure(f"{name} = {plain(value)}", moved(space, start, {name: value})))
            for value in values
        ]
        costs += [cost for _, cost in along]
        timed = [(cost.seconds, value) for value, cost in along if math.isfinite(cost.seconds)]
        timed.append((first.seconds, start[name]))
        slowest[name] = max(timed, key=lambda pair: pair[0])[1]
        fastest[name] = min(timed, key=lambda pair: pair[0])[1]
    if len(costs) > 2:
        costs.append(measure("all the slowest together", moved(space, start, slowest)))
        costs.append(measure("all the fastest together", moved(space, start, fastest)))
    return tuple(costs)


def _varied(space: Space, start: Point) -> Iterator[tuple[str, list[Any]]]:
    """Yield parameters with the values that differ from the first point, few enough in all."""
    left = MOST
    for parameter in space.parameters:
        domain = parameter.domain
        if parameter.name not in start or isinstance(domain, Uniform):
            continue
        ends = domain.values if isinstance(domain, Choice) else (domain.low, domain.high)
        values = [value for value in ends if value != start[parameter.name]][:4]
        if len(values) > left:
            return
        left -= len(values)
        yield parameter.name, values


def moved(space: Space, start: Point, values: Point) -> Point:
    """Return a point with other values; parameters that exist under these alone are drawn."""
    random = Random(0)
    point: dict[str, Any] = {}
    for parameter in space.parameters:
        if space.exists(parameter, point):
            name = parameter.name
            choices = {**start, **values}
            is_given = name in choices and parameter.domain.contains(choices[name])
            point[name] = choices[name] if is_given else parameter.domain.sample(random)
    return point


def measured(setting: Setting, rows: FewRows, recipe: Recipe, name: str, scale: float) -> CornerCost:
    """Train one epoch of a recipe.

    Args:
        setting: How it is trained.
        rows: Rows to train on.
        recipe: The recipe.
        name: Of the point.
        scale: All training rows divided by these.
    """
    _reset_peak()
    training = setting.train(recipe, rows.train, rows.validation, 2, until=2, seconds=SECONDS)
    if training.error or not training.seconds:
        return CornerCost(name, math.nan, 0, line_of(training.error) or "it reported nothing")
    gpu = int(training.last.get("peak_memory", 0)) if setting.device == "cuda" else 0
    return CornerCost(name, min(training.seconds) * scale, gpu or _peak())


def check(corners: tuple[CornerCost, ...]) -> HealthCheck:
    """Return the check of the space's corners."""
    name, failed = "corners", [corner for corner in corners if corner.error]
    timed = [corner for corner in corners if not corner.error]
    if not timed:
        return HealthCheck(name, "wrong", f"no point can be trained: {failed[0].error}", "run `hpo try`")
    slow, large = max(timed, key=lambda c: c.seconds), max(timed, key=lambda c: c.memory)
    shown = (
        f"an epoch takes {_time(timed[0].seconds)} at the first point, at most {_time(slow.seconds)} "
        f"({slow.name}), with {size(large.memory)} of memory at most"
    )
    if failed:
        text = f"{count(len(failed), 'point')} cannot be trained: {failed[0].name}: {failed[0].error}"
        return HealthCheck(name, "wrong", f"{text}; {shown}", "forbid this combination in the space")
    if slow.seconds > SLOW * timed[0].seconds and slow.seconds > 1:
        return HealthCheck(name, "doubtful", shown, "set `limits.epoch_seconds`, or narrow the space there")
    return HealthCheck(name, "right", shown)


def _time(seconds: float) -> str:
    return duration(seconds) if seconds >= 10 else f"{seconds:.2g} s"


def _reset_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak starts again at what is in use now


def _peak() -> int:
    """Return the peak memory of this process in bytes since the last reset; 0 if it is unknown."""
    with suppress(OSError, ValueError, IndexError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    return 0
