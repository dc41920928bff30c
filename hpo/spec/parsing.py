"""Turn a user's spec into a validated search, or report all its faults at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hpo.core.command import ScriptCommand
from hpo.core.constraints import constraints_of
from hpo.core.grammar import Grammar
from hpo.core.json_values import SpecFields
from hpo.core.objective import Objective
from hpo.core.space import Point, Space
from hpo.core.visible_text import one_line
from hpo.spec import cross_checks
from hpo.spec.builtin import locate
from hpo.spec.commands import check_command
from hpo.spec.conflicts import check_conflicts
from hpo.spec.constraint_checks import resolve_constraints
from hpo.spec.data_fields import READING
from hpo.spec.faults import Faults
from hpo.spec.field_checks import check_fields
from hpo.spec.fields import AT_END, DEFAULTS, Document
from hpo.spec.import_checks import check_imports
from hpo.spec.interface import Interface, find
from hpo.spec.objective_fields import ConstraintFields
from hpo.spec.overrides import override
from hpo.spec.point_checks import check_feasible, check_points
from hpo.spec.prior_checks import check_prior
from hpo.spec.process_checks import check_processes, with_processes
from hpo.spec.recipe_checks import check_recipe
from hpo.spec.scheduler_fields import Scheduler
from hpo.spec.search_spec import SearchSpec
from hpo.spec.ship_checks import check_ship
from hpo.spec.space_building import build_space
from hpo.spec.start_points import starting_points
from hpo.spec.trainable_arguments import unfolded
from hpo.spec.warmup_steps import check_warmup
from hpo.spec.yaml_text import read_text


def read_spec(path: str | Path, overrides: Sequence[str] = ()) -> SearchSpec:
    """Read a spec from a file, or a shipped one by name.

    Args:
        path: File, or the name of a shipped spec such as ``digits``.
        overrides: ``key.sub=value`` with a YAML value, for any field of the spec.

    Raises:
        InvalidSpec: With every fault, its line, its value and the legal choices.
    """
    file = locate(path)
    text = read_text(file)
    faults = Faults(str(file), text.lines, text.faults)
    value = override(text.value, overrides, faults)
    if isinstance(value, dict) and "base" in value:
        faults.add(("base",), "is not allowed in a file: paths and code are looked up beside the file")
    if isinstance(value, dict) and isinstance(value.get("data"), dict) and "reading" in value["data"]:
        faults.add(("data", "reading"), "is not allowed in a file, whose arrays are read as they are given")
    if isinstance(value, dict) and "defaults" in value:
        faults.add(("defaults",), "is not allowed in a file, which always has the current defaults")
    spec = _parse(value, faults, file.absolute().parent, file.stem)
    return replace(spec, written=_with_overrides(text.written, overrides))


def _with_overrides(written: str, overrides: Sequence[str]) -> str:
    """Return the text of a spec below a comment for each value that replaces one in it."""
    comments = (f"# submitted with --set {one_line(override)}\n" for override in overrides)
    return "".join(comments) + written


def parse_spec(
    document: SpecFields,
    source: str = "<spec>",
    base: Path | None = None,
    trainables: Mapping[str, Interface] | None = None,
) -> SearchSpec:
    """Validate a spec given as a mapping.

    Args:
        document: The content of a spec file.
        source: Name of the document in messages.
        base: Folder of relative paths; the working folder by default.
        trainables: Trainables by name; the shipped ones by default.

    Raises:
        InvalidSpec: With every fault, its value and the legal choices.
    """
    return _parse(document, Faults(source), base or Path.cwd(), "search", trainables)


def _base(document: Document, base: Path, faults: Faults) -> Path:
    """Return the folder of relative paths: a stored spec names its own; a file's is checked for namesakes."""
    if document.base is not None:
        return Path(document.base)
    check_imports(document, base, Path.cwd(), faults)
    return base


def _applicable(interface: Interface, document: Document, objective: Objective | None) -> Interface:
    """Return a trainable with the conflicts of the objective's metric and the spec's edition of defaults."""
    if objective is not None:
        conflicts = tuple(c for c in interface.conflicts if c.concerns(objective.metric))
        interface = replace(interface, conflicts=conflicts)
    if document.base is not None and document.defaults is None:
        interface = replace(interface, grammar=interface.grammar.before())
    return interface


def _parse(
    value: Any, faults: Faults, base: Path, stem: str, trainables: Mapping[str, Interface] | None = None
) -> SearchSpec:
    document = with_processes(cross_checks.limit_finalists(check_fields(unfolded(value, faults), faults)))
    base = _base(document, base, faults)
    interface = None if faults.under("trainable") else find(document.trainable, base, faults, trainables)
    check_source(document.data.source, document.data.arguments, faults)
    scheduler = cross_checks.resolve_scheduler(document, interface.grammar if interface else None, faults)
    budget = cross_checks.resolve_budget(document, scheduler, faults)
    cross_checks.check_rest(document, base, faults)
    if interface is None:
        cross_checks.check_sampler(document.sampler, None, faults)
        faults.raise_any()
    assert interface is not None
    check_ship(document, interface, faults)
    check_command(document, ScriptCommand.of(document.trainable), faults)
    objective = cross_checks.resolve_objective(document.objective, interface.metrics, faults)
    interface = _applicable(interface, document, objective)
    constraints = resolve_constraints(document, interface, faults)
    grammar = interface.grammar
    check_recipe(document.recipe, document.space, grammar, faults)
    space = _space(document, grammar, faults)
    points = _points(document, space, interface, scheduler, base, faults) if space is not None else []
    faults.raise_any()
    assert space is not None and objective is not None  # noqa: PT018
    assert scheduler is not None and budget is not None  # noqa: PT018
    objective = replace(objective, constraints=constraints)
    complete = _complete(document, document.name or _name(stem), scheduler, objective, points, base, grammar)
    return SearchSpec(
        version=complete.version,
        name=complete.name or "",
        description=complete.description,
        experiment=complete.experiment or "",
        data=complete.data,
        trainable=complete.trainable,
        grammar=grammar,
        metrics=interface.metrics,
        recipe=complete.recipe,
        space=space,
        start_from=tuple(points),
        warm_start=tuple(complete.warm_start),
        objective=objective,
        sampler=complete.sampler,
        prior=complete.model_dump(mode="json", include={"prior"})["prior"],
        scheduler=scheduler,
        budget=budget,
        resources=complete.resources,
        finalists=complete.finalists,
        ship=complete.ship.ship,
        limits=complete.limits,
        patience=complete.patience,
        on_end=complete.on_end,
        test=complete.test,
        seed=complete.seed,
        base=base,
        document=_recorded(complete),
        warnings=tuple(faults.warnings),
        user_code=interface.file,
    )


def _space(document: Document, grammar: Grammar, faults: Faults) -> Space | None:
    """Return the space, after checking that sampler and beliefs suit it; None if it cannot be built."""
    space = build_space(document.space, document.forbid, document.recipe, grammar, faults)
    cross_checks.check_sampler(document.sampler, space, faults)
    if space is not None:
        check_prior(document.prior, document.sampler.name, space, faults)
    return space


def _points(
    document: Document,
    space: Space,
    interface: Interface,
    scheduler: Scheduler | None,
    base: Path,
    faults: Faults,
) -> list[Point]:
    """Check fixed recipe, space and grid against each other, and return the points tried first."""
    if faults.under("recipe"):
        return []
    grammar = interface.grammar
    check_points(space, document.recipe, grammar, faults)
    check_feasible(space, faults)
    if not faults.found:
        horizon = scheduler.horizon if scheduler else 1
        recorded = document.base is not None
        check_conflicts(interface.conflicts, document.recipe, space, grammar, horizon, faults, recorded)
        check_warmup(document, space, grammar, horizon, faults)
        check_processes(document, interface, space, horizon, faults)
    cross_checks.demonstrations(grammar, document.recipe, space, faults)
    cross_checks.check_grid(document, space, faults)
    cross_checks.check_size(document, space, faults)
    return starting_points(
        document.start_from, document.recipe, document.trainable, grammar, space, base, faults
    )


def _complete(
    document: Document,
    name: str,
    scheduler: Scheduler,
    objective: Objective,
    points: list[Point],
    base: Path,
    grammar: Grammar,
) -> Document:
    """Return the document as it is recorded, with nothing left to look up elsewhere."""
    goal = document.objective.model_copy(update={"metric": objective.metric, "mode": objective.mode})
    own_source = document.base is None and ":" in document.data.source
    data = document.data.model_copy(update={"reading": READING}) if own_source else document.data
    constraints = [ConstraintFields(**constraint.to_json()) for constraint in objective.constraints]
    resolved = {
        "name": name,
        "experiment": document.experiment or name,
        "data": data,
        "scheduler": scheduler,
        "start_from": points,
        "base": str(base),
        "defaults": document.defaults if document.base or not grammar.earlier else DEFAULTS,
        "objective": goal,
        "constraints": constraints,
    }
    return document.model_copy(update=resolved)


def _recorded(complete: Document) -> dict[str, Any]:
    """Return the document as JSON, without what earlier versions did not know and this one does not use."""
    document = complete.model_dump(mode="json")
    for name in ("labels", "custom"):
        if not document["resources"][name]:
            del document["resources"][name]
    if document["resources"]["processes"] == 1:
        del document["resources"]["processes"]
    if not document["scheduler"]["slow_starters"]:
        del document["scheduler"]["slow_starters"]
    if complete.data.reading is None:
        del document["data"]["reading"]
    if complete.data.card is None:
        del document["data"]["card"]
    if complete.test == AT_END:
        del document["test"]
    document["constraints"] = [constraint.to_json() for constraint in constraints_of(document)]
    if not document["constraints"]:
        del document["constraints"]
    if complete.on_end is None:
        del document["on_end"]
    return {key: value for key, value in document.items() if key != "defaults" or value is not None}


def check_source(name: str, arguments: SpecFields, faults: Faults) -> None:
    """Check that the data source exists and accepts its arguments, without opening anything."""
    from trainables.parts import data_sources

    if faults.under("data", "source") or name == "?":
        return
    for fault in data_sources.faults(name, arguments):
        faults.add(("data", *fault.path.split(".")), fault.message)


def _name(stem: str) -> str:
    """Turn the name of a file into the name of a search."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("._-")[:60] or "search"
