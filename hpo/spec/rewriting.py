"""Rewrite a spec with narrower ranges, keeping its comments, order and spelling where possible."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from hpo.core.grammar import Grammar
from hpo.core.json_values import JsonObject, SpecFields
from hpo.core.promote import SLOW_STARTERS
from hpo.core.recipe import canonical
from hpo.core.space import Choice, Domain, Uniform
from hpo.spec.builtin import folder
from hpo.spec.domains import NOTATIONS
from hpo.spec.fields import STORED_ONLY, Document
from hpo.spec.json_schema import FILE
from hpo.spec.narrowing import Change
from hpo.spec.recipe_files import yaml_text

SCHEMA = "# yaml-language-server: $schema="
INDENTS = ((2, 2, 0), (2, 4, 2))
"""Usual indents of mappings, of lists, and of the dashes in lists."""


def written_out(document: SpecFields) -> str:
    """Return a stored spec as text, without fields that have their default."""
    fields = without_defaults(document)
    for name in STORED_ONLY:
        fields.pop(name, None)
    return f"{SCHEMA}{FILE}\n{yaml_text(fields)}"


def without_defaults(document: SpecFields) -> JsonObject:
    """Return a stored spec's fields that differ from their defaults."""
    short = Document.model_validate(with_effect(document)).model_dump(mode="json", exclude_defaults=True)
    return dict(short)


def with_effect(document: SpecFields) -> JsonObject:
    """Return a stored spec without what another one's defaults or editions decide.

    That is what only concerns a race if it has none, and the edition in which its arrays were read. What a
    file's defaults would decide otherwise is added: several GPUs without processes are those of one process,
    and a search without slow starters has none.
    """
    fields = dict(document)
    fields["data"] = {name: value for name, value in fields["data"].items() if name != "reading"}
    scheduler = dict(fields.get("scheduler") or {})
    if scheduler.get("name") == "promote":
        slow = scheduler.pop("slow_starters", 0)
        fields["scheduler"] = scheduler if slow == SLOW_STARTERS else {**scheduler, "slow_starters": slow}
    resources = fields.get("resources") or {}
    if resources.get("gpus", 0) > 1:
        fields["resources"] = {"processes": 1, **resources}
    finalists = dict(fields.get("finalists") or {})
    if finalists and finalists.get("rule") != "race":
        finalists.pop("prefer", None)
        fields["finalists"] = finalists
    return fields


def moved(text: str, to: Path) -> str:
    """Adjust the path of the schema in the first line, if there is one, to a new folder."""
    first, newline, rest = text.partition("\n")
    if not first.startswith(SCHEMA) or (to / first.removeprefix(SCHEMA).strip()).is_file():
        return text
    return f"{SCHEMA}{os.path.relpath(folder() / FILE, to)}{newline}{rest}"


def rewritten(
    text: str,
    changes: Sequence[Change],
    grammar: Grammar,
    warm_start: str,
) -> tuple[str, list[str]]:
    """Return the text with new ranges, and notes on what had to be left out.

    Args:
        text: A spec without faults.
        changes: New ranges.
        grammar: What its trainable's recipes can contain.
        warm_start: Search that the new one starts from.
    """
    yaml = _like(text)
    document = yaml.load(text)
    notes: list[str] = []
    space = document["space"]
    for change in changes:
        _put(space[change.name], change.new)
    domains = {change.name: change.new for change in changes}
    notes += _without_orphans(space, domains, grammar)
    notes += _without_never(document, domains)
    position = list(document).index("space") + 1
    if "start_from" in document:
        position = list(document).index("start_from")
        del document["start_from"]
        notes.append("start_from is left out: the search has already tried its points")
    earlier = document.pop("warm_start", None) or []
    names = CommentedSeq([name for name in earlier if name != warm_start] + [warm_start])
    names.fa.set_flow_style()
    document.insert(position, "warm_start", names)
    after = list(document)[position + 1 :][:1]
    return _spaced(_dumped(yaml, document), text, after), notes


def _spaced(new: str, old: str, after: Sequence[str]) -> str:
    """Restore the blank line that the old text has before a field."""
    for field in after:
        if f"\n\n{field}:" in old and f"\n\n{field}:" not in new:
            return new.replace(f"\n{field}:", f"\n\n{field}:", 1)
    return new


def replaced(text: str, fields: SpecFields) -> str:
    """Return the text with new values for some of its fields."""
    yaml = _like(text)
    document = yaml.load(text)
    for field, value in fields.items():
        document[field] = value
    return _dumped(yaml, document)


def _like(text: str) -> YAML:
    """Return the reader and writer that reproduces a text most closely."""
    candidates = []
    for mapping, sequence, offset in INDENTS:
        yaml = YAML()
        yaml.preserve_quotes = True
        yaml.width = 4096
        yaml.indent(mapping=mapping, sequence=sequence, offset=offset)
        same = SequenceMatcher(None, text.splitlines(), _dumped(yaml, yaml.load(text)).splitlines()).ratio()
        candidates.append((same, yaml))
    return max(candidates, key=lambda pair: pair[0])[1]


def _dumped(yaml: YAML, document: Any) -> str:
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _put(parameter: CommentedMap, new: Domain) -> None:
    """Replace the range of a parameter, in the style of the old one."""
    word = next(word for word in parameter if word in NOTATIONS)
    items = parameter[word]
    if isinstance(new, Choice):
        kept = {canonical(value) for value in new.values}
        for index in reversed(range(len(items))):
            if canonical(_plain(items[index])) not in kept:
                del items[index]
        return
    items[0], items[1] = new.low, new.high
    if isinstance(new, Uniform) and new.step is not None:
        items[2] = new.step


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _without_orphans(space: CommentedMap, domains: Mapping[str, Domain], grammar: Grammar) -> list[str]:
    """Remove parameters that exist only under choices that were dropped."""
    notes = []
    for name in list(space):
        slot = grammar.slots.get(name)
        clause: dict[str, Sequence[Any]] = dict(slot.when) if slot else {}
        when = space[name].get("when") or {}
        clause |= {parent: wanted for parent, wanted in when.items() if not isinstance(wanted, Mapping)}
        for parent, wanted in clause.items():
            domain = domains.get(parent)
            values = list(wanted) if isinstance(wanted, list | tuple) else [wanted]
            if not isinstance(domain, Choice):
                continue
            left = [value for value in values if domain.contains(_plain(value))]
            if not left:
                del space[name]
                notes.append(f"{name} is left out: it exists only under a dropped choice of {parent}")
                break
            if parent in when and isinstance(when[parent], list):
                _keep_contained(when[parent], domain)
    return notes


def _without_never(document: CommentedMap, domains: Mapping[str, Domain]) -> list[str]:
    """Remove forbidden combinations that can no longer occur."""
    forbid, removed = document.get("forbid") or [], 0
    for index in reversed(range(len(forbid))):
        if not all(
            name in document["space"] and _possible(forbid[index], name, domains.get(name))
            for name in list(forbid[index])
        ):
            del forbid[index]
            removed += 1
    if "forbid" in document and not forbid:
        del document["forbid"]
    if not removed:
        return []
    return [f"{removed} of the forbidden combinations can no longer occur and are left out"]


def _possible(combination: CommentedMap, name: str, domain: Domain | None) -> bool:
    """Return whether a predicate can hold under a new range, removing its impossible values."""
    condition = combination[name]
    if domain is None:
        return True
    if isinstance(condition, Mapping):
        if isinstance(domain, Choice):
            return any(_within(condition, value) for value in domain.values)
        low, high = float(condition.get("low", -math.inf)), float(condition.get("high", math.inf))
        return low <= domain.high and high >= domain.low
    if not isinstance(condition, list):
        return domain.contains(_plain(condition))
    _keep_contained(condition, domain)
    return bool(condition)


def _keep_contained(values: list[Any], domain: Domain) -> None:
    """Remove the values that a range does not contain, by their positions: to a list, true equals 1."""
    for index in reversed(range(len(values))):
        if not domain.contains(_plain(values[index])):
            del values[index]


def _within(bounds: Mapping[str, float], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return bool(bounds.get("low", value) <= value <= bounds.get("high", value))
