"""Export the trials of a search, finished or not: as CSV, or as a study for Optuna's dashboard."""

from __future__ import annotations

import math
from pathlib import Path

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.core.visible_text import one_line
from hpo.sampling.study_export import StudyTrial, write_study
from hpo.use_cases.inspect import load_search
from hpo.use_cases.trials import table_of


def export_csv(name: str, *, home: Home, out: Path | None = None) -> str:
    """Return the trials of a search as CSV, or write them to a file and return its path.

    Args:
        name: Name of the search.
        home: Home of the search.
        out: File to write; None to return the text.

    Raises:
        UserError: If there is no such search, or the file cannot be written.
    """
    text = table_of(load_search(name, home)).to_csv()
    if out is None:
        return text
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"--out {out}: {error.strerror}") from error
    return str(out)


def export_study(name: str, *, home: Home, out: Path | None) -> str:
    """Write the trials of a search as an Optuna study into a new SQLite file and return its path.

    Args:
        name: Name of the search, and of the study.
        home: Home of the search.
        out: File to write.

    Raises:
        UserError: If there is no such search, no file is named, or it exists or cannot be written.
    """
    search = load_search(name, home)
    if out is None:
        raise UserError("--format optuna needs --out FILE: a study is a SQLite database")
    if out.exists():
        raise UserError(f"--out {out}: already exists; a study is written into a new file")
    if not out.absolute().parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {one_line(str(out.parent))}")
    curves: dict[int, dict[int, float]] = {}
    for report in search.reports():
        if not report.replicate:
            value = report.metrics.get(search.history.objective.key, math.nan)
            curves.setdefault(report.trial, {})[report.epoch] = value
    started, ended = search.times()
    trials = [
        StudyTrial(
            number=trial.trial,
            point=trial.point,
            end=trial.end,
            value=trial.value,
            curve=sorted(curves.get(trial.trial, {}).items()),
            cause=trial.cause.value if trial.cause else "",
            origin=trial.origin,
            started=started[trial.trial],
            ended=ended.get(trial.trial),
        )
        for trial in search.history.trials
    ]
    history = search.history
    winner = history.winner.trial if history.winner else None
    write_study(out.absolute(), name, search.spec.space, history.objective, trials, winner)
    return str(out)
