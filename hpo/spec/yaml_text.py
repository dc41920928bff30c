"""Read YAML into plain values with their lines, in bounded time and without executing anything.

ruamel.yaml's parser gives events, and the values are built here rather than by its constructors:
plain scalars follow YAML 1.2's core schema (``1e-4`` is a number, ``no`` is a word, ``010`` is
ten), duplicate keys are a fault instead of the last one winning, tags are not supported, and
size, depth and aliases are counted while the text is being read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from hpo.core.errors import Fault, InvalidSpec
from hpo.spec.faults import FieldPath, dotted

MAX_BYTES = 250_000
MAX_NODES = 10_000
MAX_DEPTH = 40
MAX_WHOLE = 2**63
"""Limits of a document. The longest shipped one has a tenth of the nodes."""

_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BRACKETS = re.compile(r"[\[\]{}]")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass
class Text:
    """The content of a text.

    Attributes:
        value: Mappings, lists, strings, numbers, true, false and null.
        lines: Line of each field path, counted from 1.
        faults: Duplicate keys, tags and impossible numbers, which do not end the reading.
        written: The text itself, with its comments.
    """

    value: Any
    lines: dict[FieldPath, int]
    faults: list[Fault]
    written: str = ""


class _Wrong(Exception):
    """A fault that ends the reading."""

    def __init__(self, message: str, line: int | None = None, path: FieldPath = ()):
        self.fault = Fault(dotted(path) or "document", message, line)
        super().__init__(message)


def read_text(path: Path) -> Text:
    """Read a YAML (or JSON) file.

    Raises:
        InvalidSpec: If the file does not exist or is not a document within the limits.
    """
    try:
        if not path.is_file():
            raise InvalidSpec(str(path), [Fault("file", "does not exist or is not a file")])
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InvalidSpec(str(path)[:200], [Fault("file", f"cannot be read: {error}"[:300])]) from None
    return parse_text(content, str(path))


def parse_text(content: bytes | str, source: str) -> Text:
    """Turn the bytes of a YAML 1.2 document into plain values with their lines.

    Raises:
        InvalidSpec: If the bytes are not a document within the limits.
    """
    try:
        written = _decoded(content)
        builder = _Builder(_events(written))
        value = builder.document()
    except _Wrong as wrong:
        raise InvalidSpec(source, [wrong.fault]) from None
    return Text(value, builder.lines, builder.faults, written)


def _decoded(content: bytes | str) -> str:
    size = len(content)
    if size > MAX_BYTES:
        raise _Wrong(f"has more than {MAX_BYTES:,} bytes, the limit")
    if isinstance(content, bytes):
        try:
            content = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1  # type: ignore[arg-type]
            raise _Wrong(f"is not UTF-8 text: {error.reason} at byte {error.start}", line) from None
    position = content.find("\0")
    if position >= 0:
        raise _Wrong("contains a NUL character", content.count("\n", 0, position) + 1)
    _check_brackets(content)
    return content


def _check_brackets(content: str) -> None:
    """Refuse deeply nested brackets: the parser looks far ahead from each, which takes long."""
    depth = 0
    for match in _BRACKETS.finditer(content):
        depth = max(0, depth + (1 if match[0] in "[{" else -1))
        if depth > 5 * MAX_DEPTH:
            line = content.count("\n", 0, match.start()) + 1
            raise _Wrong(f"is nested more than {MAX_DEPTH} levels deep", line)


def _events(text: str) -> Iterator[Event]:
    """Yield the parser's events; anything that it cannot read is a fault."""
    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = " ".join(part for part in (error.context, error.problem) if part)
        raise _Wrong(f"is not YAML: {words}", mark.line + 1 if mark else None) from None
    except _Wrong:
        raise
    except Exception as error:  # the parser raises many kinds of errors on malformed text
        raise _Wrong(f"is not YAML: {error}"[:300]) from None


@dataclass
class _Builder:
    """Builds values from events and counts them."""

    events: Iterator[Event]
    lines: dict[FieldPath, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)
    nodes: int = 0

    def document(self) -> Any:
        """Return the value of the only document in the text."""
        value = None
        documents = 0
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _Wrong("contains a second document; only one is allowed", _line(event))
                value = self.node(next(self.events), ())
        if not documents:
            raise _Wrong("is empty")
        return value

    def node(self, event: Event, path: FieldPath) -> Any:
        """Return the value that starts with an event."""
        line = self.lines[path] = _line(event)
        if len(path) > MAX_DEPTH:
            raise _Wrong(f"is nested more than {MAX_DEPTH} levels deep", line)
        if isinstance(event, AliasEvent):
            return self.alias(event, path)
        before = self.nodes
        self.count(1, line)
        tag = getattr(event, "tag", None)
        if tag and not (isinstance(event, ScalarEvent) and tag == "!"):
            self.fault(path, f"YAML tags ({str(tag)[:80]!r}) are not supported; write plain values", line)
        if isinstance(event, ScalarEvent):
            value = self.scalar(event, path)
        elif isinstance(event, MappingStartEvent):
            value = self.mapping(path)
        else:
            assert isinstance(event, SequenceStartEvent)
            value = self.sequence(path)
        if event.anchor:
            self.anchors[str(event.anchor)] = value, self.nodes - before
        return value

    def alias(self, event: AliasEvent, path: FieldPath) -> Any:
        """Return the value of an anchor, which counts each time it is used."""
        if str(event.anchor) not in self.anchors:
            raise _Wrong(f"the alias *{event.anchor} has no earlier anchor", _line(event), path)
        value, size = self.anchors[str(event.anchor)]
        self.count(size, _line(event))
        return value

    def mapping(self, path: FieldPath) -> dict[str, Any]:
        """Return a mapping; its keys are strings, whatever they look like."""
        values: dict[str, Any] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                raise _Wrong("a key is not a string", _line(event), path)
            key = str(event.value)
            inner = (*path, key)
            if key in values:
                first = self.lines[inner]
                self.fault(inner, f"is a duplicate; the first one is on line {first}", _line(event))
                self.node(next(self.events), (*path, f"{key} (again)"))
                continue
            line = _line(event)
            values[key] = self.node(next(self.events), inner)
            self.lines[inner] = line
        return values

    def sequence(self, path: FieldPath) -> list[Any]:
        """Return a list."""
        values: list[Any] = []
        while not isinstance(event := next(self.events), SequenceEndEvent):
            values.append(self.node(event, (*path, len(values))))
        return values

    def scalar(self, event: ScalarEvent, path: FieldPath) -> Any:
        """Return a scalar, read by the core schema unless it is quoted."""
        text = str(event.value)
        if not event.implicit[0]:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _NOT_FINITE.fullmatch(text):
            self.fault(path, f"{text} is not a finite number", _line(event))
            return 0
        number = _number(text)
        if number is None:
            return text
        if abs(number) >= MAX_WHOLE if isinstance(number, int) else not math.isfinite(number):
            self.fault(path, f"{text[:40]} is too large", _line(event))
            return 0
        return number

    def count(self, nodes: int, line: int) -> None:
        """Count values; an alias counts as many as its anchor has."""
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise _Wrong(f"contains more than {MAX_NODES:,} values, aliases counted each time", line)

    def fault(self, path: FieldPath, message: str, line: int) -> None:
        """Add a fault and continue reading."""
        self.faults.append(Fault(dotted(path) or "document", message, line))


def _number(text: str) -> int | float | None:
    if len(text) > 400:
        return math.inf if _FLOAT.fullmatch(text) else None
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL_OR_HEX.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else None


def _line(event: Event) -> int:
    return int(event.start_mark.line) + 1
