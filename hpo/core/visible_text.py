"""Text from untrusted sources, made safe to show: on a terminal, as JSON, in Markdown.

Names, class labels, errors and what training code prints reach a terminal. A terminal obeys control
sequences in them: they can hide or overwrite lines, set the clipboard, or type an answer. Where text is
shown, its control characters are escaped, as in Python's literals.
"""

from __future__ import annotations

import html
import re

UNSEEN = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
"""Controls of ECMA-48 other than tab and line ends, other line ends, changes of the writing direction
(Boucher and Anderson, "Trojan Source", 2021, https://trojansource.codes) and halves of characters."""

CONTROL = re.compile(f"[{UNSEEN}]|\r(?!\n)")
CONTROL_OR_LINE_END = re.compile(f"[{UNSEEN}\t\r\n]")
SHORT = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


def visible(text: str) -> str:
    """Return a text of several lines with its control characters escaped as in a literal of Python."""
    return CONTROL.sub(_escaped, text)


def one_line(text: str) -> str:
    """Return a text with its control characters escaped, line ends and tabs among them."""
    return CONTROL_OR_LINE_END.sub(_escaped, text)


def visible_json(document: str) -> str:
    """Return a JSON document that means the same, without control characters in its strings."""
    return CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", document)


def last_shown(line: str) -> str:
    """Return what a terminal shows of a line that carriage returns overwrite, as a progress bar's."""
    return next((part for part in reversed(line.split("\r")) if part), "")


def markdown(text: str) -> str:
    """Return a text as Markdown that shows it, without making elements, links or images of it."""
    return html.escape(visible(text), quote=False).replace("[", "&#91;")


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return SHORT.get(match[0]) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
