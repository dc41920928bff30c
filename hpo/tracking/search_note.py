"""The descriptions of runs in MLflow: a search's winner and test score, a training's searched choices."""

from __future__ import annotations

from hpo.core.estimates import intervals_of
from hpo.core.formatting import choices, count, interval_text, score, spread
from hpo.core.history import History
from hpo.core.json_values import RecipeFields
from hpo.core.visible_text import markdown
from hpo.tracking.mlflow_values import LONGEST_TAG, cut


def search_note(history: History) -> str:
    """Return the description of a search's parent run, in Markdown."""
    winner, scored, metric = history.winner, history.score, markdown(history.objective.metric)
    lines = []
    if winner:
        value = spread(winner.mean, winner.std)
        seeds = count(winner.n, "fresh seed")
        lines.append(f"**Winner: trial {winner.trial}.** Validation {metric} {value} ({seeds}).")
        lines.append(markdown(winner.reason))
        training = history.trainings.get((winner.trial, winner.replicate))
        lines.append(searched_note(training.point) if training else "")
    if scored:
        for name, result in intervals_of(scored.scores).items():
            bounds = f", {ends}" if (ends := interval_text(result)) else ""
            examples = count(scored.n, "example")
            lines.append(f"Test {markdown(name)} **{score(result.value)}**{bounds} ({examples}).")
    return cut("\n\n".join(line for line in lines if line), LONGEST_TAG)


def searched_note(point: RecipeFields) -> str:
    """Return the searched choices of a training, which MLflow lists among a hundred fixed ones."""
    return cut(f"**Searched:** {markdown(choices(point))}", LONGEST_TAG) if point else ""
