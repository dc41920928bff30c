"""Check a network before its search: what is wrong with it shows in a minute, not after a search.

What `hpo try` does for the code, this does for the network. No test row is read.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.core.formatting import plain
from hpo.core.health import CornerCost, HealthCheck, PreflightReport, ValueHistogram, Verdict
from hpo.core.home import Home
from hpo.core.recipe import Recipe
from hpo.core.seeds import derive
from hpo.core.space import Choice, Point
from hpo.spec import SearchSpec
from hpo.spec.space_building import HORIZON
from hpo.use_cases.health import corners, saved_results
from hpo.use_cases.health.data_probes import ROWS, DataProbes
from hpo.use_cases.health.few_rows import FewRows
from hpo.use_cases.health.short_training import Setting, line_of
from hpo.use_cases.health.subject import Subject, subject_of_recipe, subject_of_spec

if TYPE_CHECKING:
    from trainables.health.parts import Opener

DISTURBING = ("augment", "regularize", "averaging")
"""What keeps a network from fitting a few rows."""

MOST_COMBINATIONS = 12
"""Initializations times activations that are looked at."""

RESULTS: dict[str, Verdict] = {"holds": "right", "fails": "wrong", "open": "open"}
"""Results of `hpo try` as verdicts."""

UNKNOWN = "the trainable does not show its network; `@fit.parts`, or a method `parts`, does"


def preflight_spec(spec: SearchSpec, *, home: Home, values: Point | None = None) -> PreflightReport:
    """Check the network of a spec, and keep the result for the report page of its searches.

    Args:
        spec: The spec.
        home: Where the development part is kept.
        values: Values that replace those of the first recipe, by dotted name.

    Raises:
        UserError: If a value is not legal, or the data cannot be read.
    """
    subject = subject_of_spec(spec, home, values or {})
    report = examine(subject)
    if not values:
        saved_results.save(home, subject.digest, "preflight", report.to_json())
    return report


def preflight_recipe(
    path: Path, *, home: Home, spec: Path | None = None, values: Point | None = None
) -> PreflightReport:
    """Check the network of a recipe; see `preflight_spec`.

    Raises:
        UserError: If the file is not a recipe, or nothing says which data to use.
    """
    return examine(subject_of_recipe(path, home, spec, values or {}))


def preflight_before(digest: str, home: Home) -> PreflightReport | None:
    """Return what an earlier preflight of a spec found; None without one."""
    body = saved_results.load(home, digest).get("preflight")
    try:
        return PreflightReport.of_json(body) if body else None
    except (KeyError, TypeError, AttributeError):
        return None  # damaged, or of another version


def tried_before(digest: str, home: Home) -> tuple[HealthCheck, ...]:
    """Return what `hpo try` found for a spec; empty if it was not run."""
    body = saved_results.load(home, digest).get("try")
    findings = body.get("findings", []) if isinstance(body, dict) else []
    return tuple(
        HealthCheck(f"code: {finding['name']}", RESULTS[finding["result"]], finding["detail"])
        for finding in findings
    )


def examine(subject: Subject) -> PreflightReport:
    """Look at a network from inside, as far as its trainable shows it, and from outside."""
    examination = _Examination.of(subject)
    with tempfile.TemporaryDirectory(prefix="hpo-preflight-") as scratch:
        setting = Setting(
            subject.trainable,
            derive(subject.seed, "preflight"),
            subject.device,
            subject.threads,
            Path(scratch),
        )
        costs = examination.costs(setting)
        checks = [*examination.inside(), *examination.probes(setting).checks()]
    checks.append(corners.check(costs))
    return PreflightReport(subject.recipe.to_dict(), tuple(checks), tuple(examination.histograms), costs)


@dataclass(frozen=True)
class _Examination:
    """The examination of a subject.

    Attributes:
        subject: What is examined.
        rows: Some of its rows.
        histograms: Collected while the network is looked at.
    """

    subject: Subject
    rows: FewRows
    histograms: list[ValueHistogram]

    @classmethod
    def of(cls, subject: Subject) -> _Examination:
        seed = derive(subject.seed, "preflight", "rows")
        return cls(subject, FewRows.of(subject.train, subject.validation, ROWS, seed), [])

    def inside(self) -> Iterator[HealthCheck]:
        """Yield the checks that need the network itself."""
        from trainables.health import first_outputs, gradients, updates

        subject = self.subject
        opener = self._opener(subject.recipe)
        if opener is None:
            yield HealthCheck("network", "open", UNKNOWN)
            return
        yield from self._guarded("loss at start", lambda: [*first_outputs.checks(opener())])
        yield from self._layers()
        yield from self._guarded("gradients", lambda: [gradients.check(opener())])
        yield from self._guarded("updates", lambda: [*updates.checks(opener(), subject.rates)])

    def _layers(self) -> Iterator[HealthCheck]:
        for choices, recipe in self._combinations():
            opener = self._opener(recipe)
            assert opener is not None
            name = f"layers with {choices}" if choices else "layers"

            yield from self._guarded(name, partial(self._look, opener, choices))

    def _look(self, opener: Opener, choices: str) -> list[HealthCheck]:
        from trainables.health import layers

        checks, histograms = layers.look(opener(), choices)
        self.histograms.extend(histograms)
        return checks

    def _combinations(self) -> Iterator[tuple[str, Recipe]]:
        """Yield the initializations times the activations of the space, with their recipes."""
        subject = self.subject
        varied = []
        for name in ("init", "activation"):
            parameter = subject.space.by_name.get(name)
            if parameter and name in subject.start and isinstance(parameter.domain, Choice):
                varied.append([(name, value) for value in parameter.domain.values])
        for pairs in itertools.islice(itertools.product(*varied), MOST_COMBINATIONS):
            values = dict(pairs)
            point = corners.moved(subject.space, subject.start, values) if values else subject.start
            try:
                recipe = Recipe(subject.recipe_of({**subject.start, **point})) if values else subject.recipe
            except ValueError:
                continue  # choices that do not go together
            yield ", ".join(plain(value) for value in values.values()), recipe

    def _opener(self, recipe: Recipe) -> Opener | None:
        from trainables.health.parts import opener_of

        subject, seed = self.subject, derive(self.subject.seed, "preflight", "network")
        return opener_of(subject.trainable, recipe, self.rows.train, self.rows.validation, seed)

    def _guarded(self, name: str, probe: Callable[[], list[HealthCheck]]) -> list[HealthCheck]:
        """Return a probe's checks; one that its network does not allow is open."""
        from trainables.health.parts import seeded

        try:
            with seeded(self.subject.seed, self.subject.threads):
                return probe()
        except Exception as error:
            return [HealthCheck(name, "open", f"could not be determined: {line_of(error)}")]

    def probes(self, setting: Setting) -> DataProbes:
        """Return the probes that train on changed data."""
        grammar, recipe = self.subject.grammar, self.subject.recipe
        choices = {name: value for name, value in recipe.items() if name not in DISTURBING}
        if "label_smoothing" in choices.get("loss", {}):
            choices["loss"] = {**choices["loss"], "label_smoothing": 0.0}
        horizon = HORIZON if HORIZON in grammar.slots else ""
        calm = Recipe(grammar.resolve(choices))
        return DataProbes(setting, recipe, calm, self.rows, horizon, self.subject.measured)

    def costs(self, setting: Setting) -> tuple[CornerCost, ...]:
        """Return what an epoch costs at the corners of the space."""
        subject = self.subject
        few = FewRows.of(subject.train, subject.validation, corners.ROWS, setting.seed)
        scale = len(subject.train) / len(few.train)

        def measure(name: str, point: Point) -> CornerCost:
            try:
                recipe = Recipe(subject.recipe_of(point))
            except ValueError as error:
                return CornerCost(name, float("nan"), 0, str(error))
            return corners.measured(setting, few, recipe, name, scale)

        return corners.corner_costs(subject.space, subject.start, measure)
