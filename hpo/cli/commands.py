"""List all commands with their heading in ``hpo --help`` and their one-line summary.

Typer prints help panels only with rich, whose import takes longer than the whole help page, so the
grouped page is written here as plain text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from typer.core import TyperGroup

from hpo.cli import (
    ablating,
    accounts,
    auditing,
    catalogue,
    changing,
    checking,
    cleaning,
    datasets,
    diagnosing,
    fetching,
    inspecting,
    keeping,
    predicting,
    preflighting,
    profiles,
    recipes,
    refining,
    register,
    reporting,
    retrying,
    running,
    servicing,
    soups,
    submitting,
    trials,
    trying,
    verifying,
)

WRITE, RUN, LOOK, USE = "Write a spec", "Run a search", "Look at searches", "Use the recipe"

MAX_SUMMARY = 60
"""Maximum length of a summary, which has to fit on one line of an 80-column terminal."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of ``hpo``.

    Attributes:
        heading: Heading of the help page that lists it.
        name: What to type after ``hpo``.
        function: What it runs.
        summary: Its line on the help page; empty for a former name, which is not listed.

    Raises:
        ValueError: If the summary is longer than `MAX_SUMMARY`.
    """

    heading: str
    name: str
    function: Callable[..., Any]
    summary: str

    def __post_init__(self) -> None:
        if len(self.summary) > MAX_SUMMARY:
            raise ValueError(f"{self.name}: the summary has {len(self.summary)} of {MAX_SUMMARY} characters")

    @property
    def hidden(self) -> bool:
        """Whether the help page omits it."""
        return not self.summary


COMMANDS = (
    Command(WRITE, "examples", checking.spaces, "List the specs and recipes that ship."),
    Command(WRITE, "parts", catalogue.parts, "List what recipes and data sources can contain."),
    Command(WRITE, "schema", checking.schema, "Print the JSON Schema of a spec, for editors."),
    Command(WRITE, "check", checking.check, "Check a spec and estimate what its budget buys."),
    Command(WRITE, "try", trying.try_, "Train one recipe here, and check what a search needs."),
    Command(WRITE, "preflight", preflighting.preflight, "Check a network before it is searched."),
    Command(WRITE, "data", datasets.data, "Show the data of a spec and how it is split."),
    Command(RUN, "submit", submitting.submit, "Run a search to its end."),
    Command(RUN, "stop", submitting.stop, "Stop a running search; it can be resumed."),
    Command(RUN, "resume", submitting.resume, "Continue a search, or add trials to it."),
    Command(RUN, "test", recipes.test, "Open the sealed test part and score the winner, once."),
    Command(LOOK, "list", inspecting.list_searches, "List the searches of this home."),
    Command(LOOK, "status", inspecting.status, "Show the progress and the result of a search."),
    Command(LOOK, "watch", inspecting.watch, "Follow a running search until it ends."),
    Command(LOOK, "trials", trials.trials, "List the trials of a search, best first."),
    Command(LOOK, "trial", trials.trial, "Show one trial: its choices, its curve, its end."),
    Command(LOOK, "logs", inspecting.logs, "Print the output of trials and why they failed."),
    Command(LOOK, "best", inspecting.best, "Show the winner, or the best trial so far."),
    Command(LOOK, "account", accounts.account, "Report how a search arrived at its result."),
    Command(LOOK, "audit", auditing.audit, "Find what was edited in a search's record or files."),
    Command(LOOK, "report", reporting.report, "Write a search as one page for a browser."),
    Command(LOOK, "diagnose", diagnosing.diagnose, "Read a model's curve, mistakes and need of data."),
    Command(LOOK, "ui", recipes.ui, "Open MLflow's UI on the searches of this home."),
    Command(USE, "export", recipes.export, "Write the winner's recipe, or all trials, to a file."),
    Command(USE, "train", recipes.train, "Train a recipe once, without a search."),
    Command(USE, "predict", predicting.predict, "Predict new data with the model that was tested."),
    Command(USE, "verify", verifying.verify, "Retrain a recipe and compare with its recorded score."),
    Command(USE, "ablate", ablating.ablate, "Measure what each component of a recipe is worth."),
    Command(USE, "soup", soups.soup, "Average the weights of fine-tuned finalists."),
    Command(USE, "refine", refining.refine, "Write a narrower spec around the best trials."),
    Command(LOOK, "ledger", register.ledger, ""),
    Command(LOOK, "openings", register.ledger, ""),
    Command(LOOK, "mirror", recipes.mirror, ""),
    Command(RUN, "rescue", register.rescue, ""),
    Command(RUN, "set", changing.set_, ""),
    Command(RUN, "kill", changing.kill, ""),
    Command(RUN, "run", running.run, ""),
    Command(RUN, "retry", retrying.retry, ""),
    Command(LOOK, "clean", cleaning.clean, ""),
    Command(USE, "fetch", fetching.fetch, ""),
    Command(WRITE, "spaces", checking.spaces, ""),
)


SERVICE = "service"
SERVICE_SUMMARY = "Run and change searches; look after home, store, register."
SERVICE_COMMANDS = (
    Command(RUN, "run", running.run, "Run a submitted search, or the rest of it."),
    Command(RUN, "retry", retrying.retry, "Try failed trials again after their code was fixed."),
    Command(RUN, "set", changing.set_, "Change a limit or the share of a running search."),
    Command(RUN, "kill", changing.kill, "Stop one trial of a running search."),
    Command(RUN, "keep", keeping.keep, "Continue searches whose process was killed."),
    Command(RUN, "up", servicing.up, "Start Ray, MLflow's server and a keeper."),
    Command(RUN, "down", servicing.down, "End what `up` started."),
    Command(LOOK, "doctor", servicing.doctor, "Say what runs, is reachable, full or outdated."),
    Command(USE, "fetch", fetching.fetch, "Copy a search's files from the team's store."),
    Command(LOOK, "clean", cleaning.clean, "Show what takes space in a home, and remove what can go."),
    Command(LOOK, "openings", register.ledger, "List every recorded opening of a test part."),
    Command(LOOK, "mirror", recipes.mirror, "Bring MLflow up to date with a search."),
    Command(LOOK, "rescue", register.rescue, "Recover the searches of a damaged ledger."),
)
"""Commands of the group ``hpo service``; the former ones can be typed without the group's name, too."""

PROFILE = "profile"
PROFILE_SUMMARY = "Keep the addresses of a team's services."
PROFILE_COMMANDS = (
    Command(RUN, "add", profiles.add, "Keep addresses under a name."),
    Command(LOOK, "list", profiles.list_, "List the profiles."),
    Command(LOOK, "show", profiles.show, "Show the addresses of a profile."),
    Command(RUN, "remove", profiles.remove, "Remove a profile."),
)


class GroupedHelp(TyperGroup):
    """A group whose help page lists its commands under their headings."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each heading, with all summaries in the same column."""
        shown = {name: command for name, command in self.commands.items() if not command.hidden}
        width = max(map(len, shown))
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in shown.items():
            heading = getattr(command, "rich_help_panel", "")
            sections.setdefault(heading, []).append((name.ljust(width), command.short_help or ""))
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)
