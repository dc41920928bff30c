"""Narrow the spec of a search around its best trials, for a person to read and run."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from hpo.core.errors import InvalidSpec, UserError
from hpo.core.formatting import count
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.hyperparameter import Hyperparameter
from hpo.core.json_values import JsonObject
from hpo.core.space import Choice, Point
from hpo.ledger.searches import open_ledger, read_history
from hpo.spec import SearchSpec, parse_spec, read_spec
from hpo.spec.derived_values import LONGEST
from hpo.spec.narrowing import MIN_TRIALS, Change, narrowed
from hpo.spec.rewriting import moved, replaced, rewritten, with_effect, without_defaults, written_out
from hpo.spec.yaml_text import parse_text, read_text
from hpo.use_cases.search.warm_start import earlier_trials_of

NOT_COMPARED = ("base", "defaults", "name", "experiment", "start_from")
"""Fields of a spec on record that its file states differently, or not at all."""


@dataclass(frozen=True)
class Refinement:
    """A spec's next version.

    Attributes:
        search: The search that it is based on.
        text: The new spec.
        diff: Its difference from the old one, as ``diff -u`` prints it; empty if nothing changes.
        changes: New ranges with their reasons.
        notes: What else a reader should know.
        path: File that it was written to; empty if it was not.
    """

    search: str
    text: str
    diff: str
    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    path: str = ""

    def to_json(self) -> JsonObject:
        """Return the refinement as a JSON value."""
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
        home: Home of the search.
        out: File to write the new spec to; None to write nothing.

    Raises:
        UserError: If there is no such search, it has no trial yet, or the file already exists.
    """
    if out is not None and out.exists():
        raise UserError(f"--out {out}: already exists; name a new file")
    history = read_history(open_ledger(name, home))
    assert history.opened is not None
    spec = parse_spec(history.opened.spec, source=name)
    earlier, _ = earlier_trials_of(spec, name, home)
    winner = _winner(history)
    if winner is None:
        raise UserError(f"{name} has no trial with a score yet")
    changes = narrowed(spec.space, earlier.points, earlier.scores, winner, _limits(spec))
    old, from_file = _source(spec)
    text, kept, notes = _sound(spec, old, name, changes)
    if len(earlier.points) < MIN_TRIALS:
        trials = count(len(earlier.points), "trial")
        notes.insert(0, f"{trials}: at least {MIN_TRIALS} are needed to narrow a range")
    elif not kept:
        notes.insert(0, "no range changes: the best trials are spread over all of it")
    if not from_file:
        notes.insert(0, "the file of the spec is missing or has changed, so its comments are lost")
    if out is not None:
        text = moved(text, out.absolute().parent)
        _checked(text, out.absolute().parent, f"--out {out}")
        _write(out, text)
    labels = (f"{spec.name} (as searched in {name})", str(out) if out else f"{spec.name} (refined)")
    diff = "".join(
        difflib.unified_diff(old.splitlines(keepends=True), text.splitlines(keepends=True), *labels)
    )
    return Refinement(name, text, diff, tuple(kept), tuple(notes), str(out) if out else "")


def _limits(spec: SearchSpec) -> dict[str, Hyperparameter]:
    """Return what each parameter accepts; the length of a list has limits of its own."""
    limits = {path: slot.hyperparameter for path, slot in spec.grammar.slots.items()}
    for length in (name for derived in spec.space.derived if derived.elements for name in derived.needs):
        low, high = max(1, limits[length].low), min(LONGEST, limits[length].high)
        limits[length] = Hyperparameter(length, "int", int(low), low, high)
    return limits


def _winner(history: History) -> Point | None:
    if history.winner is not None:
        return history.trainings[history.winner.trial, 0].point
    return history.best.point if history.best else None


def _source(spec: SearchSpec) -> tuple[str, bool]:
    """Return the text of the spec's file and True, or a text made of the spec on record and False."""
    for path in sorted(spec.base.glob("*.y*ml"))[:200]:
        try:
            value = read_text(path).value
            if isinstance(value, dict) and value.get("name", path.stem) == spec.name and "space" in value:
                current = read_spec(path)
                if current.space == spec.space and current.trainable == spec.trainable:
                    return _as_searched(path.read_text(encoding="utf-8"), current, spec), True
        except (InvalidSpec, OSError):
            continue
    return written_out(spec.document), False


def _as_searched(text: str, current: SearchSpec, spec: SearchSpec) -> str:
    """Return a file's text with what ``--set`` and ``--seed`` had replaced."""
    present, stored = with_effect(current.document), with_effect(spec.document)
    changed = [k for k, v in stored.items() if k not in NOT_COMPARED and present[k] != v]
    short = without_defaults(spec.document)
    return replaced(text, {k: short.get(k, spec.document[k]) for k in changed}) if changed else text


def _sound(
    spec: SearchSpec, old: str, name: str, changes: list[Change]
) -> tuple[str, list[Change], list[str]]:
    """Return the new text; it keeps all choices if dropping some would make the spec invalid."""
    text, notes = rewritten(old, changes, spec.grammar, name)
    try:
        _checked(text, spec.base, name)
    except InvalidSpec:
        changes = [change for change in changes if not isinstance(change.new, Choice)]
        text, notes = rewritten(old, changes, spec.grammar, name)
        notes.append("all choices stay: other fields of the spec name those that would be dropped")
        _checked(text, spec.base, name)
    return text, changes, notes


def _checked(text: str, base: Path, source: str) -> None:
    parse_spec(parse_text(text, source).value, source, base)


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"--out {out}: {error.strerror}") from error
