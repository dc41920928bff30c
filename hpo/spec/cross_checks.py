"""Check fields of a spec against each other: objective, sampler, scheduler, budget, resources."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path

from hpo.core.budget import Budget
from hpo.core.grammar import Grammar, part_named
from hpo.core.json_values import RecipeFields
from hpo.core.objective import Objective
from hpo.core.promote import SLOW_STARTERS
from hpo.core.space import Choice, Space
from hpo.core.trainable import Metric
from hpo.spec.builtin import locate_recipe
from hpo.spec.faults import Faults, shown, unknown
from hpo.spec.fields import Document
from hpo.spec.finalist_fields import Finalists
from hpo.spec.objective_fields import Goal
from hpo.spec.sampler_facts import SAMPLERS, SamplerFacts
from hpo.spec.sampler_fields import Sampler
from hpo.spec.scheduler_fields import Scheduler
from hpo.spec.space_building import HORIZON
from hpo.spec.space_size import combinations

RACE_SEEDS = 8
"""Fresh seeds below which a race has hardly any power: see `benchmarks.finalist_rules`."""

RECIPE_SUFFIXES = (".yaml", ".yml", ".json")


CARDS = (".md", ".txt", ".rst", ".yaml", ".yml", ".json", ".html")
"""Suffixes by which a data card is taken for a file."""


def check_sampler(sampler: Sampler, space: Space | None, faults: Faults) -> None:
    """Check that the sampler exists, accepts its options and supports the space."""
    facts = SAMPLERS.get(sampler.name)
    if facts is None:
        faults.add(("sampler", "name"), f"{shown(sampler.name)}: {unknown(sampler.name, SAMPLERS)}")
        return
    options = {option.name: option for option in facts.options}
    for name, value in sampler.options.items():
        path = ("sampler", "options", name)
        if name not in options:
            faults.add(path, unknown(name, options, f"is not an option of {facts.name}"))
        elif complaint := options[name].complaint(value):
            faults.add(path, complaint)
    if space is not None:
        for parameter, reason in _unsupported(facts, space):
            able = ", ".join(name for name, other in SAMPLERS.items() if not _unsupported(other, space))
            faults.add(
                ("sampler", "name"), f"{facts.name} does not support {parameter}: {reason}; legal: {able}"
            )


def _unsupported(facts: SamplerFacts, space: Space) -> list[tuple[str, str]]:
    """Return the first parameter of each kind that a sampler does not support, with the reason."""
    by_reason: dict[str, str] = {}
    for parameter in space.parameters:
        if parameter.when and not facts.conditions:
            by_reason.setdefault("it is conditional", parameter.name)
        if isinstance(parameter.domain, Choice) and not facts.choices:
            by_reason.setdefault("its choices have no order", parameter.name)
        if parameter.domain.count() == float("inf") and not facts.continuous:
            by_reason.setdefault("it is continuous; use quniform, randint or choice", parameter.name)
    return [(name, reason) for reason, name in by_reason.items()]


def resolve_objective(goal: Goal, metrics: tuple[Metric, ...], faults: Faults) -> Objective | None:
    """Return the objective with its direction; None if the metric cannot be optimized."""
    by_name = {metric.name: metric for metric in metrics}
    name = goal.metric if goal.metric is not None else next(iter(by_name), "")
    bare = name.removeprefix("validation/")
    path = ("objective", "metric")
    if "test" in bare.lower().replace("-", "_").replace("/", "_").split("_"):
        legal = ", ".join(by_name)
        faults.add(path, f"{shown(name)}: the test part is sealed; legal: {legal}, on validation data")
        return None
    if bare not in by_name:
        problem = unknown(bare, by_name, "is not reported by the trainable")
        faults.add(path, f"{shown(name)}: {problem}")
        return None
    better = by_name[bare].mode
    mode = goal.mode or better
    if mode != better:
        faults.warn(f"objective.mode is {mode}, although {better} is the better direction for {bare}")
    return Objective(bare, mode, goal.at)


def resolve_scheduler(document: Document, grammar: Grammar | None, faults: Faults) -> Scheduler | None:
    """Fill in the scheduler's maximum and first rung; None if the maximum is missing."""
    scheduler = document.scheduler
    longest = scheduler.max_epochs
    if longest is None and faults.under("scheduler"):
        return None
    if longest is None:
        longest = document.recipe.get(HORIZON)
        if isinstance(longest, bool) or not isinstance(longest, int) or longest < 1:
            faults.add(
                ("scheduler", "max_epochs"),
                "is missing: the epochs of a full training; legal: a whole number of at least 1",
            )
            return None
    scheduler = scheduler.model_copy(update={"max_epochs": longest})
    if scheduler.name == "none":
        return scheduler.model_copy(update={"first_rung": None})
    first = scheduler.first
    if first >= longest > 1:
        faults.add(
            ("scheduler", "first_rung"),
            f"{first} is not below max_epochs ({longest}), so nothing is stopped; legal: 1 to {longest - 1}",
        )
    if scheduler.slow_starters and scheduler.name != "promote":
        faults.add(
            ("scheduler", "slow_starters"),
            f"{scheduler.slow_starters} is without effect with {scheduler.name}; legal: with promote, or 0",
        )
    fixed = document.recipe.get(HORIZON)
    if isinstance(fixed, int) and fixed != longest and grammar and HORIZON in grammar.slots:
        faults.warn(f"recipe.epochs is {fixed}, but a full training in this search has {longest} epochs")
    slow = scheduler.slow_starters
    if slow is None and scheduler.name == "promote" and document.base is None:  # earlier searches had none
        slow = SLOW_STARTERS
    return scheduler.model_copy(update={"first_rung": first, "slow_starters": slow})


def resolve_budget(document: Document, scheduler: Scheduler | None, faults: Faults) -> Budget | None:
    """Return the budget, if it covers one full training and the finalists."""
    budget = document.budget
    if all(limit is None for limit in (budget.trials, budget.epochs, budget.hours, budget.gpu_hours)):
        if not faults.under("budget"):
            faults.add(("budget",), "sets no limit; legal: at least one of trials, epochs, hours, gpu_hours")
        return None
    if budget.gpu_hours is not None and document.resources.gpus == 0:
        faults.add(("budget", "gpu_hours"), f"is {budget.gpu_hours:g}, but resources.gpus is 0")
    if budget.epochs is not None and scheduler is not None:
        reserve = _reserve(document, scheduler)
        least = scheduler.horizon + reserve
        if budget.epochs < least:
            faults.add(
                ("budget", "epochs"),
                f"{budget.epochs} is too small: one full training takes {scheduler.horizon} epochs "
                f"and the finalists take {reserve} ({_factors(document)}); legal: at least {least}",
            )
    return Budget(budget.trials, budget.epochs, budget.hours, budget.gpu_hours)


def _reserve(document: Document, scheduler: Scheduler) -> int:
    """Return the epochs set aside for the finalists and for retraining the model, if it is retrained."""
    horizon = scheduler.horizon
    return document.finalists.epochs(horizon) + document.ship.ship.reserves(horizon)


def _factors(document: Document) -> str:
    finalists = document.finalists
    words = f"{finalists.count} of them on {finalists.seeds} seeds"
    words += f" and {finalists.folds} folds" if finalists.folds else ""
    return words + (", and the model retrained" if document.ship.model == "retrained" else "")


def check_grid(document: Document, space: Space, faults: Faults) -> None:
    """Warn how little a grid tries: a few values of each parameter, again and again."""
    if document.sampler.name != "grid" or any(p.domain.count() == math.inf for p in space.parameters):
        return
    points = combinations(space)
    most = max(parameter.domain.count() for parameter in space.parameters)
    count = f"{points:,.0f} points" if points is not None else "too many to count"
    trials = document.budget.trials
    bound = (
        f", of which the budget allows the first {trials:,}"
        if trials and trials < (points or math.inf)
        else ""
    )
    faults.warn(
        f"sampler: grid has {count}{bound}; it tries at most {most:.0f} values of each parameter, "
        "whereas random search tries a new one in every trial"
    )


def check_size(document: Document, space: Space, faults: Faults) -> None:
    """Warn if the space has fewer points than the budget allows trials, so that some are repeated."""
    points, trials = combinations(space), document.budget.trials
    if document.sampler.name == "grid" or points is None or trials is None or points >= trials:
        return
    different = "1 point" if points == 1 else f"{points:,.0f} different points"
    faults.warn(
        f"space: has {different}, fewer than the {trials:,} trials of the budget, so some "
        f"are trained again with another seed; sampler: grid tries each of the {points:,.0f} once"
    )


def limit_finalists(document: Document) -> Document:
    """Return a document whose default number of finalists is not above its number of trials."""
    trials, finalists = document.budget.trials, document.finalists
    if trials is None or trials >= finalists.count or "count" in finalists.model_fields_set:
        return document
    return document.model_copy(update={"finalists": finalists.model_copy(update={"count": trials})})


def check_rest(document: Document, base: Path, faults: Faults) -> None:
    """Report fields that are legal alone but contradict each other."""
    _check_finalists(document, faults)
    for number, name in enumerate(document.warm_start):
        if Path(name).suffix in RECIPE_SUFFIXES and not os.path.isfile(locate_recipe(name, base)):
            faults.add(("warm_start", number), f"{shown(name)} is not a file")
    card = document.data.card or ""
    if Path(card).suffix in CARDS and "\n" not in card and not os.path.isfile(base / card):
        faults.add(("data", "card"), f"{shown(card)} is not a file; legal: a file, or the text of a card")
    trials = document.budget.trials
    if trials is not None and document.finalists.count > trials:
        faults.add(
            ("finalists", "count"),
            f"{document.finalists.count} finalists cannot come from {trials} trials; legal: 1 to {trials}",
        )
    if trials is not None and len(document.start_from) > trials:
        faults.warn(f"start_from has {len(document.start_from)} points, but budget.trials is {trials}")
    if document.base is None:  # a stored spec may hold what an earlier version accepted
        for path, fault in document.resources.faults():
            faults.add(("resources", *path), fault)


def _check_finalists(document: Document, faults: Faults) -> None:
    """Check that one thing ranks the finalists, and that a race can have a result."""
    finalists = document.finalists
    if finalists.folds is not None and document.data.final_share is not None:
        faults.add(
            ("finalists", "folds"),
            f"{finalists.folds} folds and data.validation.final both rank the finalists; legal: one of them",
        )
    if finalists.rule == "simple":
        if document.base is not None:  # a stored spec may hold an earlier default
            return
        for name in ("alpha", "margin", "prefer"):
            value = getattr(finalists, name)
            if value != Finalists.model_fields[name].default:
                faults.warn(f"finalists.{name}: {shown(value)} has no effect unless rule: race")
        return
    if finalists.count > 1 and finalists.seeds == 1:
        faults.add(("finalists", "seeds"), "1: a race compares over several fresh seeds; legal: at least 2")
    elif finalists.count > 1 and finalists.seeds < RACE_SEEDS:
        faults.warn(
            f"finalists.seeds: a race of {finalists.seeds} seeds saves hardly any trainings and shows few "
            f"differences; at least {RACE_SEEDS} are needed to tell finalists apart"
        )


def demonstrations(grammar: Grammar, recipe: RecipeFields, space: Space, faults: Faults) -> None:
    """Warn of parts that a trial could use although they exist for demonstration only."""
    for group in grammar.groups:
        choice = recipe.get(group.name)
        varied = space.by_name.get(group.name)
        for part in group.parts:
            if not part.demonstration:
                continue
            switch = space.by_name.get(f"{group.name}.{part.name}")
            if group.many:
                on = switch is not None or bool(
                    isinstance(choice, Mapping) and choice.get(part.name, False) is not False
                )
            elif varied is not None:
                on = varied.domain.contains(part.name)
            else:
                on = part.name == (part_named(choice) or group.default)
            if on:
                faults.warn(f"{group.name}: {part.name} is for demonstration: {part.demonstration}")
