"""The next, narrower spec: around what worked in a search, for a person to read and run."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.core.errors import InvalidSpec, UserError
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.space import Choice, Point
from hpo.ledger.searches import open_ledger, read_history
from hpo.spec import SearchSpec, parse_spec, read_spec
from hpo.spec.fields import Document
from hpo.spec.narrowing import LEAST, Change, narrowed
from hpo.spec.rewriting import moved, replaced, rewritten, written_out
from hpo.spec.yaml_text import parse_text, read_text
from hpo.use_cases.search.warm_start import earlier_trials_of

PLACE = ("base", "name", "experiment", "start_from")
"""Fields of a stored spec that a file says in other words, or not at all."""


@dataclass(frozen=True)
class Refinement:
    """A spec's next version.

    Attributes:
        search: The search it was made from.
        text: The new spec.
        diff: Against the old one, as ``diff -u`` prints it; empty if nothing changes.
        changes: New ranges with their reasons.
        notes: What else a reader should know.
        path: Where it was written; empty if it was not.
    """

    search: str
    text: str
    diff: str
    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    path: str = ""

    def to_json(self) -> dict[str, Any]:
        """The refinement as a JSON value."""
        return {
            "search": self.search,
            "path": self.path or None,
            "changes": [
                {"name": c.name, "old": c.old.legal(), "new": c.new.legal(), "why": c.why, "edge": c.edge}
                for c in self.changes
            ],
            "notes": list(self.notes),
            "diff": self.diff,
            "spec": self.text,
        }


def refine_spec(name: str, *, home: Home, out: Path | None = None) -> Refinement:
    """Narrow a search's spec around its best trials.

    Args:
        name: The search's name.
        home: Where it is kept.
        out: The file to write the new spec to; none by default.

    Raises:
        UserError: If there is no such search, it has no trial yet, or the file is there already.
    """
    if out is not None and out.exists():
        raise UserError(f"--out {out}: is there already; name a new file")
    history = read_history(open_ledger(name, home))
    assert history.opened is not None
    spec = parse_spec(history.opened.spec, source=name)
    told, _ = earlier_trials_of(spec, name, home)
    winner = _winner(history)
    if winner is None:
        raise UserError(f"{name} has no trial to learn from yet")
    limits = {place: slot.hyperparameter for place, slot in spec.grammar.slots.items()}
    changes = narrowed(spec.space, told.points, told.scores, winner, limits)
    old, found = _source(spec)
    text, kept, notes = _sound(spec, old, name, changes)
    if len(told.points) < LEAST:
        notes.insert(0, f"{len(told.points)} trials are too few to narrow a range; {LEAST} are the least")
    elif not kept:
        notes.insert(0, "no range changes: the best trials lie everywhere")
    if not found:
        notes.insert(0, "the spec's own file is gone or has changed: comments are lost")
    if out is not None:
        text = moved(text, out.absolute().parent)
        _checked(text, out.absolute().parent, f"--out {out}")
        _write(out, text)
    labels = (f"{spec.name} (as {name} had it)", str(out) if out else f"{spec.name} (refined)")
    diff = "".join(
        difflib.unified_diff(old.splitlines(keepends=True), text.splitlines(keepends=True), *labels)
    )
    return Refinement(name, text, diff, tuple(kept), tuple(notes), str(out) if out else "")


def _winner(history: History) -> Point | None:
    if history.winner is not None:
        return history.trainings[history.winner.trial, 0].point
    return history.best.point if history.best else None


def _source(spec: SearchSpec) -> tuple[str, bool]:
    """The text that the search's spec was read from, if it is still there; otherwise one made of it."""
    for path in sorted(spec.base.glob("*.y*ml"))[:200]:
        try:
            value = read_text(path).value
            if isinstance(value, dict) and value.get("name", path.stem) == spec.name and "space" in value:
                there = read_spec(path)
                if there.space == spec.space and there.trainable == spec.trainable:
                    return _as_searched(path.read_text(encoding="utf-8"), there, spec), True
        except (InvalidSpec, OSError):
            continue
    return written_out(spec.document), False


def _as_searched(text: str, there: SearchSpec, spec: SearchSpec) -> str:
    """A file's text with what ``--set`` and ``--seed`` had replaced."""
    changed = [k for k, v in spec.document.items() if k not in PLACE and there.document[k] != v]
    short = Document.model_validate(dict(spec.document)).model_dump(mode="json", exclude_defaults=True)
    return replaced(text, {k: short.get(k, spec.document[k]) for k in changed}) if changed else text


def _sound(
    spec: SearchSpec, old: str, name: str, changes: list[Change]
) -> tuple[str, list[Change], list[str]]:
    """The new text; all choices stay if the spec has a fault without those that are to go."""
    text, notes = rewritten(old, changes, spec.grammar, name)
    try:
        _checked(text, spec.base, name)
    except InvalidSpec:
        changes = [change for change in changes if not isinstance(change.new, Choice)]
        text, notes = rewritten(old, changes, spec.grammar, name)
        notes.append("all choices stay: other fields of the spec name those that never made it")
        _checked(text, spec.base, name)
    return text, changes, notes


def _checked(text: str, base: Path, source: str) -> None:
    said = parse_text(text, source)
    parse_spec(said.value, source, base)


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"--out {out}: {error.strerror}") from error
