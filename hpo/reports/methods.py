"""A paragraph on a search for the methods section of a paper, and the works that it cites.

Every sentence states a fact of the account; nothing is added that is not on record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hpo.core.account import Account
from hpo.core.baseline_comparison import Baselines
from hpo.core.detail_events import TEST
from hpo.core.estimates import ScoreInterval
from hpo.core.formatting import count, duration, score, with_interval
from hpo.core.search_setting import TEST_PART
from hpo.reports.references import REFERENCES, Reference

SAMPLERS = {
    "auto": ("kandasamy2018", "hvarfner2022"),
    "tpe": ("bergstra2011",),
    "gp": ("snoek2012",),
    "cmaes": ("hansen2001",),
    "random": ("bergstra2012",),
    "qmc": ("sobol1967",),
    "grid": (),
}
SCHEDULERS = {
    "asha": ("li2020",),
    "promote": ("li2020",),
    "hyperband": ("li2018",),
    "leaders": ("li2020",),
    "none": (),
}
METHODS = {
    "Wilson": "wilson1927",
    "Newcombe": "newcombe2006",
    "bootstrap-t": "hall1992",
    "combined": "donner2012",
    "Agresti and Min": "agresti2005",
}
"""Words in the method of an interval, and the work it comes from."""

OVER = re.compile(r"(?:over|in) (\d+ (?:groups|stretches of time))")
"""Which rows belong together, in the method of an interval."""


def methods_text(account: Account, *, latex: bool = False) -> str:
    """Return the paragraph, as text or LaTeX, followed by its references.

    Args:
        account: The account of a search.
        latex: Whether to escape LaTeX's characters and cite by key; a BibTeX list then follows.
    """
    sentences = [(text, keys) for text, keys in _sentences(account) if text]
    used = list(dict.fromkeys(key for _, keys in sentences for key in keys))
    if latex:
        paragraph = " ".join(_with_citations(_escaped(text), keys) for text, keys in sentences)
        return f"{paragraph}\n\n{bibtex(used)}"
    numbers = {key: number for number, key in enumerate(used, 1)}
    marked = (
        f"{text[:-1]} [{', '.join(str(numbers[key]) for key in keys)}]." if keys else text
        for text, keys in sentences
    )
    listed = "\n".join(f"[{number}] {REFERENCES[key].text}" for key, number in numbers.items())
    return f"{' '.join(marked)}\n\n{listed}\n"


def bibtex(keys: Sequence[str]) -> str:
    """Return the BibTeX entries of some references."""
    return "\n\n".join(_entry(key, REFERENCES[key]) for key in keys) + "\n"


def _entry(key: str, reference: Reference) -> str:
    fields = ",\n".join(f"  {name} = {{{_escaped(value)}}}" for name, value in reference.fields.items())
    return f"@{reference.kind}{{{key},\n{fields}\n}}"


def _with_citations(text: str, keys: Sequence[str]) -> str:
    return f"{text[:-1]}~\\cite{{{','.join(keys)}}}." if keys else text


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "%&_#$" else letter for letter in text)


def _sentences(account: Account) -> Iterator[tuple[str, tuple[str, ...]]]:
    setting, compared, metric = account.setting, account.comparisons, account.objective.metric
    yield _data(account), ()
    sampler, scheduler = setting.sampler.name, setting.scheduler.name
    yield (
        f"Hyperparameters ({', '.join(row.name for row in setting.space)}) of the trainable "
        f"{setting.trainable} were searched for the best validation {metric} with the sampler {sampler} and "
        f"the scheduler {scheduler} of hpo {account.versions.get('hpo-service', '(version not on record)')}.",
        (*SAMPLERS.get(sampler, ()), *SCHEDULERS.get(scheduler, ())),
    )
    yield (
        f"{count(account.trials['started'], 'trial')} started; {compared.ranked:,} "
        f"{'was' if compared.ranked == 1 else 'were'} fully trained "
        f"({count(setting.scheduler.epochs, setting.unit)}).",
        (),
    )
    if account.winner is not None:
        race = account.finalists.rule == "race"
        won = "by their mean, the cheaper of those within one standard error of the best"
        yield (
            f"The finalists ({compared.finalists}) were trained again on {'at most ' if race else ''}"
            f"{count(account.finalists.seeds, 'fresh seed')} each, and the winner was chosen "
            f"{'in a race of sequential paired t-tests' if race else won}.",
            (),
        )
    yield from _results(account)
    for table in account.baselines[-1:]:
        yield from _baselines(table)
    if account.effort is not None:
        hours = duration(account.effort.training_hours * 3600)
        yield f"Training took {hours} over all trials, stopped and failed ones included.", ("dodge2019",)
    yield _openings(account), ()


def _data(account: Account) -> str:
    data = account.data
    parts = [f"{n:,} {part}" for part, n in data.counts.items()]
    parts += [f"{data.test.n:,} test"] if data.test else []
    if not parts:
        return "The data are the command's own, which are not on record."
    listed = " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
    ways = {"time": "by time", "groups": "by groups", "classes": "at random within classes"}
    divided = ways.get(data.by, "at random")
    rows = "those outside the test part" if data.test else "they"
    came = TEST_PART.get(account.about.test_part, "") if account.about else ""
    test = f"the test part was {came}, and " if came else ""
    return f"The data ({data.source}) have {listed} rows; {test}{rows} were divided {divided}."


def _results(account: Account) -> Iterator[tuple[str, tuple[str, ...]]]:
    numbers, metric = account.numbers, account.objective.metric
    if numbers is None:
        return
    if numbers.corrected is not None:
        text = f"The winner's validation {metric}, corrected for selection, is {_number(numbers.corrected)}."
        yield text, _cited(numbers.corrected)
    if numbers.test and metric in numbers.test:
        yield f"Its test {metric} is {_number(numbers.test[metric])}.", _cited(numbers.test[metric])


def _number(interval: ScoreInterval) -> str:
    """Return a score with its interval, and over which groups or stretches of time that is."""
    text, over = with_interval(interval), OVER.search(interval.method)
    return f"{text[:-1]} over {over[1]})" if over and text.endswith(")") else text


def _cited(interval: ScoreInterval) -> tuple[str, ...]:
    return tuple(key for word, key in METHODS.items() if word in interval.method)


def _baselines(table: Baselines) -> Iterator[tuple[str, tuple[str, ...]]]:
    known = [(row.name, row.scores[table.metric]) for row in table.rows if table.metric in row.scores]
    if known:
        listed = ", ".join(f"{name} {score(value.value)}" for name, value in known)
        rows = "same test rows" if table.part == TEST else "validation rows"
        yield f"On the {rows} baselines have this {table.metric}: {listed}.", ("pedregosa2011",)


def _openings(account: Account) -> str:
    openings = max(len(account.openings), account.look)  # of practice data the latest alone is listed
    if not openings:
        return "The test part was never opened."
    times = "once" if openings == 1 else f"{openings} times"
    if not account.look:
        return f"This search has not opened the test part; other searches have, {times}."
    return f"The test part was sealed during the search and has been opened {times}."
