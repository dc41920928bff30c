"""The grammar of a recipe: hyperparameters, parts that bring their own, and groups of parts.

A trainable declares what a recipe may contain as a literal table of these records. The table is plain
data: builders are dotted names that are imported only when something is built, so that checking a
spec or listing parts does not import torch.

A recipe names a part by its group::

    optimizer: {name: sgd, momentum: 0.9}      # one part of the group; or just `optimizer: sgd`
    augment:                                   # a group of which any number may be on
      strength: 0.5                            # the group's own hyperparameter
      horizontal_flip: {p: 0.5}                # enabled, or just `horizontal_flip: true`
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hpo.core.errors import Fault
from hpo.core.formatting import literal
from hpo.core.hyperparameter import Hyperparameter, Kind
from hpo.core.json_values import RecipeFields

ABSENT: Any = object()
"""Stands for the default of a hyperparameter that did not exist."""

__all__ = ["ABSENT", "Grammar", "Group", "Hyperparameter", "Kind", "Part", "Slot", "part_named"]


@dataclass(frozen=True, slots=True)
class Part:
    """Something that a recipe can name.

    Attributes:
        name: Name in a recipe, the term used in the literature.
        builder: ``module:attribute`` of its builder.
        source: The paper or page it comes from.
        hyperparameters: Its own hyperparameters, which exist only if it is chosen.
        demonstration: Why it is for demonstration only; empty if it is for real use.
        doc: One-line description.
    """

    name: str
    builder: str
    source: str
    hyperparameters: tuple[Hyperparameter, ...] = ()
    demonstration: str = ""
    doc: str = ""

    def load(self) -> Any:
        """Import and return the builder."""
        module, _, attribute = self.builder.partition(":")
        return getattr(importlib.import_module(module), attribute)


@dataclass(frozen=True, slots=True)
class Group:
    """Parts of which a recipe names one, or enables any number.

    Attributes:
        name: Name in a recipe, such as ``optimizer``.
        parts: The parts of the group.
        default: Name of the part used if a recipe does not choose one (one-of groups).
        many: Whether any number of parts can be enabled together; by default none is.
        hyperparameters: The group's own, independent of the chosen part.
        doc: One-line description.
    """

    name: str
    parts: tuple[Part, ...]
    default: str | None = None
    many: bool = False
    hyperparameters: tuple[Hyperparameter, ...] = ()
    doc: str = ""

    def part(self, name: str) -> Part:
        """Return a part by its name.

        Raises:
            KeyError: If the group has no such part.
        """
        if name not in self.names:
            raise KeyError(f"{self.name} has no {name!r}; it has {', '.join(self.names)}")
        return next(part for part in self.parts if part.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its parts, in table order."""
        return tuple(part.name for part in self.parts)


@dataclass(frozen=True, slots=True)
class Slot:
    """A value of a recipe that a space can vary, under its dotted name.

    Attributes:
        hyperparameter: The values it takes.
        when: Dotted names, each with the values it must have for this slot to exist.
    """

    hyperparameter: Hyperparameter
    when: tuple[tuple[str, tuple[Any, ...]], ...] = ()


@dataclass(frozen=True)
class Grammar:
    """Everything that a trainable's recipes can contain.

    Attributes:
        hyperparameters: The recipe's top-level hyperparameters.
        groups: Its groups of parts.
        earlier: Defaults that have changed, by dotted name, as specs recorded before rely on them;
            `ABSENT` for a hyperparameter that did not exist.
    """

    hyperparameters: tuple[Hyperparameter, ...]
    groups: tuple[Group, ...] = ()
    earlier: RecipeFields = field(default_factory=dict)
    slots: Mapping[str, Slot] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "slots", dict(self._slots()))

    def _slots(self) -> Iterator[tuple[str, Slot]]:
        for hyperparameter in self.hyperparameters:
            yield hyperparameter.name, Slot(hyperparameter)
        for group in self.groups:
            yield from _group_slots(group)

    def group(self, name: str) -> Group:
        """Return a group by its name.

        Raises:
            KeyError: If the grammar has no such group.
        """
        return {group.name: group for group in self.groups}[name]

    def before(self) -> Grammar:
        """Return the grammar with the defaults that have changed since as they were."""
        return replace(self, groups=tuple(_before(group, self.earlier) for group in self.groups), earlier={})

    def resolve(self, choices: RecipeFields) -> RecipeFields:
        """Complete a recipe's choices with all defaults.

        Args:
            choices: Nested; short forms (``optimizer: sgd``) are allowed.

        Returns:
            The normal form: each one-of group a mapping with ``name`` and all hyperparameters of
            the chosen part; each many-group a mapping of its enabled parts.

        Raises:
            ValueError: If the choices have faults; see `faults`.
        """
        faults = self.faults(choices)
        if faults:
            raise ValueError("; ".join(f"{fault.path}: {fault.message}" for fault in faults))
        resolved = _filled(self.hyperparameters, choices)
        for group in self.groups:
            resolved[group.name] = _resolve_group(group, choices.get(group.name))
        return resolved

    def faults(self, choices: RecipeFields) -> list[Fault]:
        """Return every fault of a recipe's choices, each with its dotted path."""
        hyperparameters = {h.name: h for h in self.hyperparameters}
        groups = {group.name: group for group in self.groups}
        faults: list[Fault] = []
        for name, value in choices.items():
            if name in groups:
                faults += _group_faults(groups[name], value)
            else:
                legal = (*hyperparameters, *groups)
                faults += _value_faults(name, hyperparameters, name, value, legal)
        return faults


def part_named(choice: Any) -> Any:
    """Return the part's name in a recipe's entry for a group, which is the name itself or a mapping."""
    return choice.get("name") if isinstance(choice, Mapping) else choice


def _group_slots(group: Group) -> Iterator[tuple[str, Slot]]:
    for hyperparameter in group.hyperparameters:
        yield f"{group.name}.{hyperparameter.name}", Slot(hyperparameter)
    if group.many:
        for part in group.parts:
            path = f"{group.name}.{part.name}"
            yield path, Slot(Hyperparameter(part.name, "bool", False, doc=part.doc))
            for hyperparameter in part.hyperparameters:
                yield f"{path}.{hyperparameter.name}", Slot(hyperparameter, when=((path, (True,)),))
        return
    yield (
        group.name,
        Slot(Hyperparameter(group.name, "str", group.default, choices=group.names, doc=group.doc)),
    )
    owners: dict[str, list[Part]] = {}
    for part in group.parts:
        for hyperparameter in part.hyperparameters:
            owners.setdefault(hyperparameter.name, []).append(part)
    for name, parts in owners.items():
        widest = _widest([h for part in parts for h in part.hyperparameters if h.name == name])
        yield f"{group.name}.{name}", Slot(widest, when=((group.name, tuple(part.name for part in parts)),))


def _widest(namesakes: list[Hyperparameter]) -> Hyperparameter:
    first = namesakes[0]
    return Hyperparameter(
        first.name,
        "float" if any(h.kind == "float" for h in namesakes) else first.kind,
        first.default,
        min(h.low for h in namesakes),
        max(h.high for h in namesakes),
        tuple(dict.fromkeys(choice for h in namesakes for choice in h.choices)),
        any(h.optional for h in namesakes),
        first.log,
        first.doc,
    )


def _filled(hyperparameters: tuple[Hyperparameter, ...], choices: RecipeFields) -> dict[str, Any]:
    filled = {h.name: h.typed(choices.get(h.name, h.default)) for h in hyperparameters}
    left_out = {h.name for h in hyperparameters if h.added and filled[h.name] == h.default}
    return {name: value for name, value in filled.items() if name not in left_out}


def _before(group: Group, earlier: Mapping[str, Any]) -> Group:
    """Return a group with its earlier defaults; the parts of a one-of group share their dotted names."""
    parts = []
    for part in group.parts:
        prefix = f"{group.name}.{part.name}." if group.many else f"{group.name}."
        parts.append(replace(part, hyperparameters=_with_earlier(part.hyperparameters, prefix, earlier)))
    return replace(
        group,
        parts=tuple(parts),
        default=earlier.get(group.name, group.default),
        hyperparameters=_with_earlier(group.hyperparameters, f"{group.name}.", earlier),
    )


def _with_earlier(
    hyperparameters: tuple[Hyperparameter, ...], prefix: str, earlier: Mapping[str, Any]
) -> tuple[Hyperparameter, ...]:
    defaults = [(h, earlier.get(prefix + h.name, h.default)) for h in hyperparameters]
    return tuple(replace(h, default=value) for h, value in defaults if value is not ABSENT)


def _resolve_group(group: Group, choice: Any) -> dict[str, Any]:
    if group.many:
        enabled = choice or {}
        resolved = _filled(group.hyperparameters, enabled)
        for part in group.parts:
            switch = enabled.get(part.name, False)
            if switch is not False:
                choices = switch if isinstance(switch, Mapping) else {}
                resolved[part.name] = _filled(part.hyperparameters, choices)
        return resolved
    chosen = {"name": choice} if isinstance(choice, str) else dict(choice or {})
    part = group.part(chosen.get("name", group.default) or "")
    return {"name": part.name, **_filled(group.hyperparameters + part.hyperparameters, chosen)}


def _group_faults(group: Group, choice: Any) -> list[Fault]:
    if group.many:
        return _many_faults(group, choice)
    if isinstance(choice, str):
        choice = {"name": choice}
    if not isinstance(choice, Mapping):
        legal = ", ".join(group.names)
        return [Fault(group.name, f"{literal(choice)} is neither a name nor a mapping; legal names: {legal}")]
    name = choice.get("name", group.default)
    if name not in group.names:
        return [Fault(group.name, f"{name!r} does not exist; legal: {', '.join(group.names)}")]
    by_name = {h.name: h for h in group.hyperparameters + group.part(name).hyperparameters}
    faults = []
    for key, value in choice.items():
        if key != "name":
            faults += _value_faults(
                f"{group.name}.{key}", by_name, key, value, tuple(by_name), f" under {name}"
            )
    return faults


def _many_faults(group: Group, choice: Any) -> list[Fault]:
    if choice is None:
        return []
    by_name = {h.name: h for h in group.hyperparameters}
    legal = (*by_name, *group.names)
    if not isinstance(choice, Mapping):
        return [Fault(group.name, f"{literal(choice)} is not a mapping; legal keys: {', '.join(legal)}")]
    faults = []
    for key, value in choice.items():
        path = f"{group.name}.{key}"
        if key not in group.names:
            faults += _value_faults(path, by_name, key, value, legal)
        elif isinstance(value, Mapping):
            inner = {h.name: h for h in group.part(key).hyperparameters}
            for name, inner_value in value.items():
                faults += _value_faults(f"{path}.{name}", inner, name, inner_value, tuple(inner))
        elif not isinstance(value, bool):
            faults.append(Fault(path, f"{literal(value)} is not true, false or a mapping"))
    return faults


def _value_faults(
    path: str,
    known: Mapping[str, Hyperparameter],
    name: str,
    value: Any,
    legal: tuple[str, ...],
    where: str = "",
) -> list[Fault]:
    if name not in known:
        choices = ", ".join(legal) or "nothing"
        return [Fault(path, f"does not exist{where}; legal: {choices}")]
    complaint = known[name].complaint(value)
    return [Fault(path, complaint)] if complaint else []
