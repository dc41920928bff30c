"""The grammar of a recipe: hyperparameters, parts that bring their own, and groups of parts.

A trainable says what a recipe may contain as a literal table of these records. The table is plain
data: builders are dotted names that are imported only when something is built, so that checking
a spec or listing what exists needs no torch.

A recipe names a part by its group::

    optimizer: {name: sgd, momentum: 0.9}      # one part of the group; or just `optimizer: sgd`
    augment:                                   # a group of which any number may be on
      strength: 0.5                            # the group's own hyperparameter
      horizontal_flip: {p: 0.5}                # on, or just `horizontal_flip: true`
"""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hpo.core.errors import Fault

Kind = Literal["float", "int", "bool", "str", "list", "names"]


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """One choice with a plain value.

    Attributes:
        name: Name inside its part, group or recipe.
        kind: Type of the value; ``list`` is a list of numbers, ``names`` a list of texts.
        default: Value where a recipe says nothing; None means absent or decided elsewhere.
        low: Least legal value (of each item for a list), inclusive.
        high: Greatest legal value (of each item for a list), inclusive.
        choices: The legal values of a string; empty if any is.
        optional: Whether None is legal.
        log: Whether its natural scale for a search is logarithmic.
        doc: One line for a reader, with the unit.
    """

    name: str
    kind: Kind
    default: Any
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    optional: bool = False
    log: bool = False
    doc: str = ""

    def complaint(self, value: Any) -> str | None:
        """What is wrong with a value, with the legal ones; None if nothing is."""
        if value is None:
            return None if self.optional or self.default is None else f"null is not {self.legal()}"
        items = value if self.kind in ("list", "names") else [value]
        if not isinstance(items, list | tuple) or not all(self._fits(item) for item in items):
            return f"{value!r} is not {self.legal()}"
        return None

    def typed(self, value: Any) -> Any:
        """A legal value as code can use it: a whole number is one, even if it was written 64.0."""
        return int(value) if self.kind == "int" and value is not None else value

    def _fits(self, value: Any) -> bool:
        if self.kind in ("bool", "str", "names"):
            right = isinstance(value, bool if self.kind == "bool" else str)
            return right and (not self.choices or value in self.choices)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if not abs(value) <= sys.float_info.max:  # a whole number may be too large for isfinite
            return False
        if self.kind == "int" and value != int(value):
            return False
        return self.low <= value <= self.high

    def legal(self) -> str:
        """The legal values in words."""
        if len(self.choices) > 40:
            return f"one of {len(self.choices)} names, such as {', '.join(self.choices[:3])}"
        if self.choices:
            return "one of " + ", ".join(self.choices)
        words = {
            "float": "a number",
            "int": "a whole number",
            "bool": "true or false",
            "str": "a text",
            "list": "a list of numbers",
            "names": "a list of texts",
        }[self.kind]
        if self.low > -math.inf and self.high < math.inf:
            return f"{words} from {self.low:g} to {self.high:g}"
        if self.low > -math.inf:
            return f"{words} of at least {self.low:g}"
        return words if self.high == math.inf else f"{words} of at most {self.high:g}"


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a recipe can name.

    Attributes:
        name: Name in a recipe, the field's own term.
        builder: ``module:attribute`` of what builds it.
        source: Paper or page it comes from.
        hyperparameters: Its own, which exist only where it is chosen.
        demonstration: Why it should not be used in earnest; empty if it may be.
        doc: One line for a reader.
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
    """Parts of which a recipe names one, or any number.

    Attributes:
        name: Name in a recipe, such as ``optimizer``.
        parts: What can be named.
        default: Name of the part that is chosen where a recipe says nothing (one-of groups).
        many: Whether any number of parts can be on at once; none is by default.
        hyperparameters: The group's own, whatever is chosen.
        doc: One line for a reader.
    """

    name: str
    parts: tuple[Part, ...]
    default: str | None = None
    many: bool = False
    hyperparameters: tuple[Hyperparameter, ...] = ()
    doc: str = ""

    def part(self, name: str) -> Part:
        """The part of that name.

        Raises:
            KeyError: If there is none.
        """
        return next(p for p in self.parts if p.name == name) if name in self.names else self._none(name)

    def _none(self, name: str) -> Part:
        raise KeyError(f"{self.name} has no {name!r}; it has {', '.join(self.names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parts, in table order."""
        return tuple(part.name for part in self.parts)


@dataclass(frozen=True, slots=True)
class Slot:
    """A place of a recipe that a space can vary, under its dotted name.

    Attributes:
        hyperparameter: What values it takes.
        when: Places that must have one of the given values for this one to exist.
    """

    hyperparameter: Hyperparameter
    when: tuple[tuple[str, tuple[Any, ...]], ...] = ()


@dataclass(frozen=True)
class Grammar:
    """Everything that a trainable's recipes may say.

    Attributes:
        hyperparameters: Those of the recipe itself.
        groups: Its groups of parts.
    """

    hyperparameters: tuple[Hyperparameter, ...]
    groups: tuple[Group, ...] = ()
    slots: Mapping[str, Slot] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "slots", dict(self._slots()))

    def _slots(self) -> Iterator[tuple[str, Slot]]:
        for own in self.hyperparameters:
            yield own.name, Slot(own)
        for group in self.groups:
            yield from _group_slots(group)

    def group(self, name: str) -> Group:
        """The group of that name.

        Raises:
            KeyError: If there is none.
        """
        return {group.name: group for group in self.groups}[name]

    def resolve(self, choices: Mapping[str, Any]) -> dict[str, Any]:
        """Complete what a recipe says with every default.

        Args:
            choices: Nested, with the short forms (``optimizer: sgd``) allowed.

        Returns:
            The normal form: each one-of group a mapping with ``name`` and all hyperparameters of
            the chosen part; each many-group a mapping of what is on.

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

    def faults(self, choices: Mapping[str, Any]) -> list[Fault]:
        """Everything wrong with what a recipe says, each with its dotted place."""
        known = {own.name: own for own in self.hyperparameters}
        groups = {group.name: group for group in self.groups}
        found: list[Fault] = []
        for name, value in choices.items():
            if name in groups:
                found += _group_faults(groups[name], value)
            else:
                found += _value_faults(name, known, name, value, (*known, *groups))
        return found


def part_named(said: Any) -> Any:
    """What a recipe's words for a group name: a part's name alone, or in a mapping; None if neither."""
    return said.get("name") if isinstance(said, Mapping) else said


def _group_slots(group: Group) -> Iterator[tuple[str, Slot]]:
    for own in group.hyperparameters:
        yield f"{group.name}.{own.name}", Slot(own)
    if group.many:
        for part in group.parts:
            place = f"{group.name}.{part.name}"
            yield place, Slot(Hyperparameter(part.name, "bool", False, doc=part.doc))
            for own in part.hyperparameters:
                yield f"{place}.{own.name}", Slot(own, when=((place, (True,)),))
        return
    yield (
        group.name,
        Slot(Hyperparameter(group.name, "str", group.default, choices=group.names, doc=group.doc)),
    )
    owners: dict[str, list[Part]] = {}
    for part in group.parts:
        for own in part.hyperparameters:
            owners.setdefault(own.name, []).append(part)
    for name, parts in owners.items():
        widest = _widest([own for part in parts for own in part.hyperparameters if own.name == name])
        yield f"{group.name}.{name}", Slot(widest, when=((group.name, tuple(part.name for part in parts)),))


def _widest(alike: list[Hyperparameter]) -> Hyperparameter:
    first = alike[0]
    return Hyperparameter(
        first.name,
        "float" if any(own.kind == "float" for own in alike) else first.kind,
        first.default,
        min(own.low for own in alike),
        max(own.high for own in alike),
        tuple(dict.fromkeys(choice for own in alike for choice in own.choices)),
        any(own.optional for own in alike),
        first.log,
        first.doc,
    )


def _filled(hyperparameters: tuple[Hyperparameter, ...], said: Mapping[str, Any]) -> dict[str, Any]:
    return {own.name: own.typed(said.get(own.name, own.default)) for own in hyperparameters}


def _resolve_group(group: Group, said: Any) -> dict[str, Any]:
    if group.many:
        said = said or {}
        resolved = _filled(group.hyperparameters, said)
        for part in group.parts:
            switch = said.get(part.name, False)
            if switch is not False:
                own = switch if isinstance(switch, Mapping) else {}
                resolved[part.name] = _filled(part.hyperparameters, own)
        return resolved
    chosen = {"name": said} if isinstance(said, str) else dict(said or {})
    part = group.part(chosen.get("name", group.default) or "")
    return {"name": part.name, **_filled(group.hyperparameters + part.hyperparameters, chosen)}


def _group_faults(group: Group, said: Any) -> list[Fault]:
    if group.many:
        return _many_faults(group, said)
    if isinstance(said, str):
        said = {"name": said}
    if not isinstance(said, Mapping):
        return [
            Fault(
                group.name, f"{said!r} is neither a name nor a mapping; legal names: {', '.join(group.names)}"
            )
        ]
    name = said.get("name", group.default)
    if name not in group.names:
        return [Fault(group.name, f"{name!r} does not exist; legal: {', '.join(group.names)}")]
    own = {h.name: h for h in group.hyperparameters + group.part(name).hyperparameters}
    faults = []
    for key, value in said.items():
        if key != "name":
            faults += _value_faults(f"{group.name}.{key}", own, key, value, tuple(own), f" under {name}")
    return faults


def _many_faults(group: Group, said: Any) -> list[Fault]:
    if said is None:
        return []
    own = {h.name: h for h in group.hyperparameters}
    legal = (*own, *group.names)
    if not isinstance(said, Mapping):
        return [Fault(group.name, f"{said!r} is not a mapping; legal keys: {', '.join(legal)}")]
    faults = []
    for key, value in said.items():
        place = f"{group.name}.{key}"
        if key not in group.names:
            faults += _value_faults(place, own, key, value, legal)
        elif isinstance(value, Mapping):
            inner = {h.name: h for h in group.part(key).hyperparameters}
            for name, choice in value.items():
                faults += _value_faults(f"{place}.{name}", inner, name, choice, tuple(inner))
        elif not isinstance(value, bool):
            faults.append(Fault(place, f"{value!r} is neither true, false nor a mapping"))
    return faults


def _value_faults(
    place: str,
    known: Mapping[str, Hyperparameter],
    name: str,
    value: Any,
    legal: tuple[str, ...],
    where: str = "",
) -> list[Fault]:
    if name not in known:
        choices = ", ".join(legal) or "nothing"
        return [Fault(place, f"does not exist{where}; legal: {choices}")]
    complaint = known[name].complaint(value)
    return [Fault(place, complaint)] if complaint else []
