"""Four reporting checklists, answered item by item from an account, or marked as not known to hpo."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from hpo.core.account import Account
from hpo.reports.account import named_rows
from hpo.reports.checklist_items import CHECKLISTS

NOT_KNOWN = "not known to hpo"
WIDTH = 100
LONGEST = 600
"""Characters of an answer that are shown as text; the account has all of it."""

ROWS: Mapping[str, tuple[str, ...]] = {
    "description": ("description",),
    "source": ("data", "file"),
    "card": ("data card",),
    "parts": ("parts", "split"),
    "missing": ("parts",),
    "times": ("parts",),
    "columns": ("columns",),
    "dropped": ("columns",),
    "telling": ("columns",),
    "target": ("target",),
    "fitted": ("fitted",),
    "warnings": ("warning",),
    "split": ("split", "folds"),
    "leaks": ("leaks",),
    "search": ("trains", "methods", "comparisons"),
    "space": ("space", "fixed"),
    "chosen": ("chosen",),
    "trials": ("trials", "left out"),
    "selection": ("finalists", "winner"),
    "model": ("model",),
    "baselines": ("baselines",),
    "metrics": ("test",),
    "intervals": ("validation", "test"),
    "calibration": ("calibration",),
    "threshold": ("answers",),
    "within": ("by class", "by group"),
    "openings": ("openings",),
    "compute": ("compute",),
    "expected": ("fewer trials",),
    "environment": ("versions", "seeds"),
    "code": ("code",),
    "reproduce": ("reproduce",),
    "limits": ("limits",),
}
"""Answers, by the names of the account's rows that they consist of."""

UNREAD: Mapping[str, str] = dict.fromkeys(("description", "data card"), ", which hpo only quotes")
"""What is said of texts by the user: they may or may not answer an item."""


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """An item of a checklist and what the account says to it.

    Attributes:
        checklist: Name of the list.
        item: Number of the item.
        question: What it asks, in short.
        answer: The account's rows that answer it; `NOT_KNOWN` if there is none.
    """

    checklist: str
    item: str
    question: str
    answer: str


def checklist_of(account: Account) -> tuple[ChecklistItem, ...]:
    """Return every item of the four lists with its answer."""
    rows = _rows_by_name(account)
    items = []
    known = [key for key in ROWS if key != "times" or _dated(account)]
    for name, questions in CHECKLISTS.items():
        for number, question, keys in questions:
            answered = [key for key in keys.split() if key in known]
            found = dict.fromkeys(row for key in answered for row in ROWS[key] if row in rows)
            answer = "; ".join(f"{row}{UNREAD.get(row, '')}: {rows[row]}" for row in found) or NOT_KNOWN
            items.append(ChecklistItem(name, number, question, answer))
    return tuple(items)


def _dated(account: Account) -> bool:
    """Return whether the account knows times of rows."""
    parts = account.about.parts.values() if account.about else ()
    return any(part.times is not None for part in parts)


def _rows_by_name(account: Account) -> dict[str, str]:
    """Return the account's rows by name, those that continue one joined to it."""
    rows = named_rows(account)
    rows.pop("attention", None)
    if account.about is not None and not account.about.card:
        rows.pop("data card", None)
    return {name: " | ".join(texts) for name, texts in rows.items()}


def checklist_text(account: Account) -> str:
    """Return the lists as text, an item and its answer at a time."""
    lines: list[str] = []
    checklist = ""
    for item in checklist_of(account):
        if item.checklist != checklist:
            checklist = item.checklist
            lines += ["", checklist] if lines else [checklist]
        lines.append(f"  {item.item:<4} {item.question}")
        lines += textwrap.wrap(
            textwrap.shorten(item.answer, LONGEST, placeholder=" ... (see the account)"),
            WIDTH,
            initial_indent=" " * 7,
            subsequent_indent=" " * 7,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines) + "\n"
