"""A spec's text with narrower ranges: comments, order and spelling stay wherever they can."""

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
from hpo.core.recipe import canonical
from hpo.core.space import Choice, Domain, Uniform
from hpo.spec.builtin import folder
from hpo.spec.domains import FORMS
from hpo.spec.fields import Document
from hpo.spec.json_schema import FILE
from hpo.spec.narrowing import Change
from hpo.spec.recipe_files import yaml_text

SCHEMA = "# yaml-language-server: $schema="
INDENTS = ((2, 2, 0), (2, 4, 2))
"""Ways in which lists are usually indented: of mappings, of lists, of their dashes."""


def written_out(document: Mapping[str, Any]) -> str:
    """A stored spec as a text, without what says nothing beyond the defaults."""
    said = Document.model_validate(dict(document)).model_dump(mode="json", exclude_defaults=True)
    for name in ("base", "defaults"):
        said.pop(name, None)
    return f"{SCHEMA}{FILE}\n{yaml_text(said)}"


def moved(text: str, to: Path) -> str:
    """The text with its first line pointing from a folder to the schema, if it names one."""
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
    """The text with new ranges, and what had to go with old ones.

    Args:
        text: A spec that has no fault.
        changes: New ranges.
        grammar: What its trainable's recipes may say.
        warm_start: Search from which the new one begins.
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
    place = list(document).index("space") + 1
    if "start_from" in document:
        place = list(document).index("start_from")
        del document["start_from"]
        notes.append("start_from is left out: the search has tried its points")
    earlier = document.pop("warm_start", None) or []
    names = CommentedSeq([each for each in earlier if each != warm_start] + [warm_start])
    names.fa.set_flow_style()
    document.insert(place, "warm_start", names)
    after = list(document)[place + 1 :][:1]
    return _spaced(_dumped(yaml, document), text, after), notes


def _spaced(new: str, old: str, after: Sequence[str]) -> str:
    """The new text with the blank line before a field that the old one has."""
    for field in after:
        if f"\n\n{field}:" in old and f"\n\n{field}:" not in new:
            return new.replace(f"\n{field}:", f"\n\n{field}:", 1)
    return new


def replaced(text: str, fields: Mapping[str, Any]) -> str:
    """The text with other values for some of its fields."""
    yaml = _like(text)
    document = yaml.load(text)
    for field, value in fields.items():
        document[field] = value
    return _dumped(yaml, document)


def _like(text: str) -> YAML:
    """A reader and writer that gives back a text as nearly as it can."""
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


def _put(said: CommentedMap, new: Domain) -> None:
    """Write a range in the place of the old one, in the old one's style."""
    word = next(word for word in said if word in FORMS)
    items = said[word]
    if isinstance(new, Choice):
        kept = {canonical(value) for value in new.values}
        for place in reversed(range(len(items))):
            if canonical(_plain(items[place])) not in kept:
                del items[place]
        return
    items[0], items[1] = new.low, new.high
    if isinstance(new, Uniform) and new.step is not None:
        items[2] = new.step


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, bool) or value is None:
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _without_orphans(space: CommentedMap, domains: Mapping[str, Domain], grammar: Grammar) -> list[str]:
    """Take out parameters that existed only under choices that are gone."""
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
                notes.append(f"{name} is left out: it exists only where {parent} is what it no longer can be")
                break
            if parent in when and isinstance(when[parent], list):
                for value in [each for each in values if each not in left]:
                    when[parent].remove(value)
    return notes


def _without_never(document: CommentedMap, domains: Mapping[str, Domain]) -> list[str]:
    """Take out forbidden combinations that can no longer occur."""
    forbid, gone = document.get("forbid") or [], 0
    for place in reversed(range(len(forbid))):
        if not all(
            name in document["space"] and _possible(forbid[place], name, domains.get(name))
            for name in list(forbid[place])
        ):
            del forbid[place]
            gone += 1
    if "forbid" in document and not forbid:
        del document["forbid"]
    return [f"{gone} of the forbidden combinations cannot occur any more and are left out"] if gone else []


def _possible(combination: CommentedMap, name: str, domain: Domain | None) -> bool:
    """Whether a predicate can hold under a new range; values that cannot are taken out of it."""
    wanted = combination[name]
    if domain is None:
        return True
    if isinstance(wanted, Mapping):
        if isinstance(domain, Choice):
            return any(_within(wanted, value) for value in domain.values)
        low, high = float(wanted.get("low", -math.inf)), float(wanted.get("high", math.inf))
        return low <= domain.high and high >= domain.low
    if not isinstance(wanted, list):
        return domain.contains(_plain(wanted))
    for value in [each for each in wanted if not domain.contains(_plain(each))]:
        wanted.remove(value)
    return bool(wanted)


def _within(bounds: Mapping[str, float], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return bool(bounds.get("low", value) <= value <= bounds.get("high", value))
