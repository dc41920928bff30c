"""The page as one HTML document.

It is complete in itself: styles, drawings and script are inside, and its Content-Security-Policy forbids
everything else, a script in a name included. Without JavaScript all of it can be read; the script
sorts, filters and brushes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hpo.core.formatting import count
from hpo.reports.page.blocks import Section
from hpo.reports.page.diagnosis_sections import diagnosis_section
from hpo.reports.page.health_sections import before_search
from hpo.reports.page.record_sections import all_trials, whole_account
from hpo.reports.page.result_sections import finalists, verdict, winner
from hpo.reports.page.search_sections import early_stopping, interactions, progress, what_mattered
from hpo.reports.view import SearchView

SECTIONS = (
    verdict,
    winner,
    finalists,
    progress,
    what_mattered,
    interactions,
    early_stopping,
    all_trials,
    whole_account,
)
"""What a reader wants to know, in this order."""


def page(view: SearchView, *, reload: int = 0) -> str:
    """Return the report of a search as HTML.

    Args:
        view: The search.
        reload: Seconds after which the page loads itself again; 0 for never.
    """
    account = view.account
    meta = " · ".join(
        (
            f"{view.objective.mode} of validation {view.objective.metric}",
            account.data.source,
            account.setting.trainable,
            f"opened {account.opened[:16].replace('T', ' ')}",
            f"report of {view.made[:16].replace('T', ' ')}",
        )
    )
    return rendered(account.search, meta, badges(view), sections(view), reload=reload)


def rendered(
    title: str, meta: str, labels: Sequence[tuple[str, str]], shown: Sequence[Section], *, reload: int = 0
) -> str:
    """Return sections as a page.

    Args:
        title: Its heading.
        meta: The line below it.
        labels: (text, class) of the badges.
        shown: The sections.
        reload: Seconds after which the page loads itself again; 0 for never.
    """
    script, style = _asset("script.js"), _asset("style.css")
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data"] = _data
    environment.filters["kind"] = lambda block: type(block).__name__
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("page.html").render(
        title=title,
        meta=meta,
        sections=shown,
        badges=labels,
        script=Markup(script),  # a file of this package  # nosec B704
        style=Markup(style),  # likewise  # nosec B704
        digest=digest,
        reload=reload,
    )


def sections(view: SearchView) -> list[Section]:
    """Return all sections in the order of the page."""
    shown = [section(view) for section in SECTIONS]
    before = before_search(view.tried, view.preflight) if view.tried or view.preflight else None
    model = diagnosis_section(view.diagnosis) if view.diagnosis else None
    return [*shown[:-2], *(section for section in (before, model) if section), *shown[-2:]]


def badges(view: SearchView) -> list[tuple[str, str]]:
    """Return (text, class) of what a reader must not miss."""
    account, shown = view.account, []
    if view.unfinished:
        shown.append((f"unfinished: {account.status.replace('_', ' ')}", "warn"))
    if account.data.practice:
        shown.append(("practice data: no scientific claim", "warn"))
    if account.look:
        look = "first look" if account.look == 1 else f"look {account.look}"
        shown.append((f"{look} at the test part", "warn" if account.look > 1 else "plain"))
    elif account.data.test:
        shown.append(("test part sealed", "plain"))
    if account.warnings:
        shown.append((count(len(account.warnings), "warning"), "warn"))
    return shown


def _asset(name: str) -> str:
    return (files(__package__) / "templates" / name).read_text(encoding="utf-8")


def _data(value: object) -> Markup:
    """Return a value as JSON inside a script element, which no text in it can end."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # nosec B704
