"""What the fields of a spec say together: objective, sampler, scheduler, budget, resources."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.core.budget import Budget
from hpo.core.grammar import Grammar, Hyperparameter, part_named
from hpo.core.objective import Objective
from hpo.core.space import Choice, Space
from hpo.core.stopping_rules import default_first_rung
from hpo.core.trainable import Metric
from hpo.spec.builtin import locate_recipe
from hpo.spec.faults import Faults, shown, unknown
from hpo.spec.fields import Document, Finalists, Goal, Sampler, Scheduler
from hpo.spec.space_building import HORIZON
from hpo.spec.space_size import combinations

FIRST_LOOK = 3
"""Fresh seeds after which finalists that race are first compared."""

RECIPE_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class SamplerFacts:
    """What a sampler can serve.

    Attributes:
        name: Name in a spec.
        doc: One line for a reader.
        conditions: Whether parameters may exist only sometimes.
        choices: Whether parameters may have values without an order.
        continuous: Whether ranges may have infinitely many values.
        options: Its own settings.
    """

    name: str
    doc: str
    conditions: bool = True
    choices: bool = True
    continuous: bool = True
    options: tuple[Hyperparameter, ...] = ()


def _startup(default: int) -> Hyperparameter:
    return Hyperparameter(
        "n_startup_trials", "int", default, low=0, high=10**6, doc="Random points before the model is used."
    )


_TPE_OPTIONS = (
    _startup(10),
    Hyperparameter("n_ei_candidates", "int", 24, low=1, high=10_000, doc="Candidates for each suggestion."),
    Hyperparameter("multivariate", "bool", True, doc="Whether parameters are modelled together."),
    Hyperparameter("group", "bool", False, doc="Whether parameters that exist together are."),
    Hyperparameter("constant_liar", "bool", True, doc="Whether running trials count as poor ones."),
)
_CMAES_OPTIONS = (
    _startup(1),
    Hyperparameter("sigma0", "float", None, low=1e-12, high=1e12, doc="First step size; of the unit range."),
    Hyperparameter("popsize", "int", None, low=2, high=10_000, doc="Points in a generation."),
    Hyperparameter("with_margin", "bool", False, doc="Whether whole numbers keep a least spread."),
)

SAMPLERS: Mapping[str, SamplerFacts] = {
    each.name: each
    for each in (
        SamplerFacts("auto", "Learns from trials trained for however long; serves every space."),
        SamplerFacts("tpe", "Tree-structured Parzen estimator; serves every space.", options=_TPE_OPTIONS),
        SamplerFacts("random", "Independent draws from the prior."),
        SamplerFacts("qmc", "A scrambled Sobol sequence: fills the space evenly."),
        SamplerFacts("gp", "Gaussian process; for few trials.", conditions=False, options=(_startup(10),)),
        SamplerFacts("cmaes", "CMA-ES.", conditions=False, choices=False, options=_CMAES_OPTIONS),
        SamplerFacts("grid", "Every combination once; wasteful beside random.", continuous=False),
    )
}
"""Samplers by name; their options are Optuna's, in its words."""


def check_sampler(sampler: Sampler, space: Space | None, faults: Faults) -> None:
    """Whether the sampler exists, takes its options and can serve the space."""
    facts = SAMPLERS.get(sampler.name)
    if facts is None:
        faults.add(("sampler", "name"), f"{shown(sampler.name)}: {unknown(sampler.name, SAMPLERS)}")
        return
    known = {option.name: option for option in facts.options}
    for name, value in sampler.options.items():
        place = ("sampler", "options", name)
        if name not in known:
            faults.add(place, unknown(name, known, f"is no option of {facts.name}"))
        elif complaint := known[name].complaint(value):
            faults.add(place, complaint)
    if space is not None:
        for parameter, why in _unserved(facts, space):
            able = ", ".join(name for name, other in SAMPLERS.items() if not list(_unserved(other, space)))
            faults.add(
                ("sampler", "name"), f"{facts.name} cannot serve {parameter}: {why}; these can: {able}"
            )


def _unserved(facts: SamplerFacts, space: Space) -> list[tuple[str, str]]:
    """The first parameter of each kind that a sampler cannot serve, with the reason."""
    found: dict[str, str] = {}
    for parameter in space.parameters:
        if parameter.when and not facts.conditions:
            found.setdefault("it exists only under a condition", parameter.name)
        if isinstance(parameter.domain, Choice) and not facts.choices:
            found.setdefault("its choices have no order", parameter.name)
        if parameter.domain.count() == float("inf") and not facts.continuous:
            found.setdefault(
                "its range has no end of values; use quniform, randint or choice", parameter.name
            )
    return [(name, why) for why, name in found.items()]


def resolve_objective(goal: Goal, metrics: tuple[Metric, ...], faults: Faults) -> Objective | None:
    """The objective with its direction; None if the metric is none to optimize."""
    known = {metric.name: metric for metric in metrics}
    name = goal.metric if goal.metric is not None else next(iter(known), "")
    bare = name.removeprefix("validation/")
    place = ("objective", "metric")
    if "test" in bare.lower().replace("-", "_").replace("/", "_").split("_"):
        faults.add(place, f"{shown(name)}: the test part is sealed; legal: {', '.join(known)}, on validation")
        return None
    if bare not in known:
        faults.add(place, f"{shown(name)}: {unknown(bare, known, 'is nothing the trainable reports')}")
        return None
    mode = goal.mode or known[bare].mode
    if mode != known[bare].mode:
        faults.warn(
            f"objective.mode: {mode} is written; of {bare}, {known[bare].mode} is the better direction"
        )
    return Objective(bare, mode, goal.at)


def resolve_scheduler(document: Document, grammar: Grammar | None, faults: Faults) -> Scheduler | None:
    """The scheduler with its maximum and first rung filled in; None if there is no maximum."""
    scheduler = document.scheduler
    longest = scheduler.max_epochs
    if longest is None and faults.under("scheduler"):
        return None
    if longest is None:
        longest = document.recipe.get(HORIZON)
        if isinstance(longest, bool) or not isinstance(longest, int) or longest < 1:
            faults.add(
                ("scheduler", "max_epochs"),
                "is missing: how long is a full training? legal: a whole number of at least 1",
            )
            return None
    if scheduler.name == "none":
        return scheduler.model_copy(update={"max_epochs": longest, "first_rung": None})
    first = scheduler.first_rung or default_first_rung(scheduler.reduction_factor, longest)
    if first >= longest > 1:
        faults.add(
            ("scheduler", "first_rung"),
            f"{first} is not below max_epochs, {longest}: nothing is ever stopped; legal: 1 to {longest - 1}",
        )
    written = document.recipe.get(HORIZON)
    if isinstance(written, int) and written != longest and grammar and HORIZON in grammar.slots:
        faults.warn(f"recipe.epochs: {written} is written; in this search a full training has {longest}")
    return scheduler.model_copy(update={"max_epochs": longest, "first_rung": first})


def resolve_budget(document: Document, scheduler: Scheduler | None, faults: Faults) -> Budget | None:
    """The budget, if it pays for one full training and the finalists."""
    said = document.budget
    if all(each is None for each in (said.trials, said.epochs, said.hours, said.gpu_hours)):
        if not faults.under("budget"):
            faults.add(("budget",), "limits nothing; legal: at least one of trials, epochs, hours, gpu_hours")
        return None
    if said.gpu_hours is not None and document.resources.gpus == 0:
        faults.add(
            ("budget", "gpu_hours"), f"{said.gpu_hours:g} is written, and resources.gpus is 0 per trial"
        )
    if said.epochs is not None and scheduler is not None:
        reserve = _reserve(document, scheduler)
        least = scheduler.horizon + reserve
        if said.epochs < least:
            faults.add(
                ("budget", "epochs"),
                f"{said.epochs} is too small: one full training takes {scheduler.horizon} and the finalists "
                f"{reserve} ({_factors(document)}); legal: at least {least}",
            )
    return Budget(said.trials, said.epochs, said.hours, said.gpu_hours)


def _reserve(document: Document, scheduler: Scheduler) -> int:
    """Epochs of the finalists' trainings and of the model's own, if it has one."""
    horizon = scheduler.horizon
    return document.finalists.epochs(horizon) + document.ship.ship.reserves(horizon)


def _factors(document: Document) -> str:
    finalists = document.finalists
    words = f"{finalists.count} of them on {finalists.seeds} seeds"
    words += f" and {finalists.folds} folds" if finalists.folds else ""
    return words + (", and the model retrained" if document.ship.model == "retrained" else "")


def check_grid(document: Document, space: Space, faults: Faults) -> None:
    """Say what a grid wastes: of each parameter it tries few values, again and again."""
    if document.sampler.name != "grid" or any(p.domain.count() == math.inf for p in space.parameters):
        return
    points = combinations(space)
    most = max(parameter.domain.count() for parameter in space.parameters)
    count = f"{points:,.0f}" if points is not None else "a great many"
    trials = document.budget.trials
    bound = (
        f", of which the budget tries the first {trials:,}"
        if trials and trials < (points or math.inf)
        else ""
    )
    faults.warn(
        f"sampler: grid has {count} points{bound}; of each parameter it tries at most {most:.0f} values, "
        "where random search tries a new one in every trial"
    )


def check_rest(document: Document, base: Path, faults: Faults) -> None:
    """Fields that contradict each other without being wrong alone."""
    for number, name in enumerate(document.warm_start):
        if Path(name).suffix in RECIPE_SUFFIXES and not os.path.isfile(locate_recipe(name, base)):
            faults.add(("warm_start", number), f"{shown(name)} is no file")
    trials = document.budget.trials
    if trials is not None and document.finalists.count > trials:
        faults.add(
            ("finalists", "count"),
            f"{document.finalists.count} of {trials} trials cannot be finalists; legal: 1 to {trials}",
        )
    if trials is not None and len(document.start_from) > trials:
        faults.warn(f"start_from names {len(document.start_from)} points, budget.trials allows {trials}")
    gpus = document.resources.gpus
    if gpus > 1 and gpus != int(gpus):
        faults.add(("resources", "gpus"), f"{gpus:g}: a share of a GPU is below 1; legal: below 1, or whole")


def check_finalists(document: Document, faults: Faults) -> None:
    """Whether what ranks the finalists is said once, and whether a race can have a result."""
    said = document.finalists
    if said.folds is not None and document.data.final_share is not None:
        faults.add(
            ("finalists", "folds"),
            f"{said.folds} folds are written, and data.validation.final sets rows aside that rank finalists; "
            "legal: one of the two",
        )
    if said.rule == "simple":
        for name in ("alpha", "margin", "prefer"):
            value = getattr(said, name)
            if value != Finalists.model_fields[name].default:
                faults.warn(f"finalists.{name}: {shown(value)} is written; only rule: race heeds it")
        return
    if said.count > 1 and said.seeds == 1:
        faults.add(("finalists", "seeds"), "1: a race compares over fresh seeds; legal: at least 2")
    elif said.count > 1 and said.seeds <= FIRST_LOOK:
        faults.warn(
            f"finalists.seeds: a race looks first after {FIRST_LOOK} seeds, so with {said.seeds} nothing is "
            "ever saved, and few differences show; 8 or more let it tell finalists apart"
        )


def demonstrations(grammar: Grammar, recipe: Mapping[str, Any], space: Space, faults: Faults) -> None:
    """Warn of parts that exist for demonstration and that a trial could have."""
    for group in grammar.groups:
        said = recipe.get(group.name)
        varied = space.by_name.get(group.name)
        for part in group.parts:
            if not part.demonstration:
                continue
            switch = space.by_name.get(f"{group.name}.{part.name}")
            if group.many:
                on = switch is not None or bool(
                    isinstance(said, Mapping) and said.get(part.name, False) is not False
                )
            elif varied is not None:
                on = varied.domain.contains(part.name)
            else:
                on = part.name == (part_named(said) or group.default)
            if on:
                faults.warn(f"{group.name}: {part.name} is for demonstration: {part.demonstration}")
