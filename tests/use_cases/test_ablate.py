"""The table that an ablation produces."""

import json
import math
import os
import subprocess
import sys

import pytest

from hpo.core import events
from hpo.core.errors import UserError
from hpo.core.events import Cause, End
from hpo.core.home import Home
from hpo.core.outcome import Outcome
from hpo.ledger.searches import read_history
from hpo.ledger.store import LedgerStore
from hpo.spec.ablation import ablation_document
from hpo.spec.recipe_files import RecipeFile, recipe_text
from hpo.use_cases import ablate
from hpo.use_cases.search.run import SearchRun
from hpo.use_cases.search.run_options import RunOptions

RECIPE = {
    "model": {"name": "mlp", "depth": 0},
    "epochs": 1,
    "normalization": "none",
    "preprocessing": "none",
    "schedule": "cosine",
    "augment": {"rotation": True},
}
PROVENANCE = {"data": {"source": "digits", "validation": 0.5}, "objective": {"metric": "accuracy"}}


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home").create()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(recipe_text(RecipeFile("image_classifier", RECIPE, PROVENANCE)))
    return path


def trained(trial, replicate, point, value):
    sound = math.isfinite(value)
    yield events.TrialStarted(trial, replicate, point, {}, 1, "finalist" if replicate else "start_from")
    if sound:
        yield events.Reported(trial, replicate, 1, {"validation/accuracy": value}, 1.0)
    end, cause = (End.FINISHED, None) if sound else (End.FAILED, Cause.DIVERGED)
    yield events.TrialEnded(trial, replicate, end, 1, value, cause)


BOTH = ("schedule=linear,augment.rotation=false",)


def recorded(home, values, tags=None, others=()):
    """A search whose trainings gave these values, the first of each variant its own."""
    spec = ablation_document(
        RecipeFile("image_classifier", RECIPE, PROVENANCE), home.root / "mine.yaml", seeds=3, others=others
    )
    opened = events.SearchOpened(spec.document, spec.digest, {}, {}, tags or {ablate.TAG: "mine.yaml"})
    ledger = LedgerStore.at(home.ledger).create(spec.name, opened)
    points = [*spec.start_from, {"schedule": "constant", "augment.rotation": False}]
    for trial, (point, row) in enumerate(zip(points, values, strict=False)):
        for replicate, value in enumerate(row):
            ledger.append(list(trained(trial, replicate, dict(point), value)))
    return ledger.name


def test_differences_are_paired_by_seed(home):
    name = recorded(
        home,
        [
            (0.5, 0.90, 0.80, 0.85),
            (0.9, 0.88, 0.79, 0.83),
            (0.9, 0.70, 0.61, 0.64),
        ],
    )
    table = ablate.ablation_table(name, home=home)
    whole, schedule, rotation = table.rows
    assert (table.metric, table.mode) == ("accuracy", "max")
    assert (whole.component, whole.n) == ("", 3)
    assert (whole.mean, whole.std) == (pytest.approx(0.85), pytest.approx(0.05))
    assert (schedule.component, schedule.own, schedule.off) == ("schedule", "cosine", "constant")
    # Worked example: differences -0.02, -0.01, -0.02; t(2) is 4.30265 at 95 % and 6.20535 at 97.5 %.
    assert schedule.difference == pytest.approx(-0.0166667, abs=1e-6)
    assert (schedule.low, schedule.high) == (
        pytest.approx(-0.0310088, abs=1e-6),
        pytest.approx(-0.0023245, abs=1e-6),
    )
    assert not schedule.clear  # two differences together: -0.0373512 to 0.0040178
    assert (rotation.component, rotation.off, rotation.clear) == ("augment.rotation", False, True)


def test_a_variant_of_several_values_is_one_row(home):
    name = recorded(home, [(0.5, 0.9, 0.8)] + 2 * [(0.9, 0.8, 0.7)] + [(0.9, 0.5, 0.4)], others=BOTH)
    both = ablate.ablation_table(name, home=home).rows[-1]
    assert both.component == "schedule, augment.rotation"
    assert both.own == {"schedule": "cosine", "augment.rotation": True}
    assert both.off == {"schedule": "linear", "augment.rotation": False}
    assert both.difference == pytest.approx(-0.4)


def test_variants_that_differ_in_what_the_recipe_lacks_are_told_apart(home):
    decays = [f"averaging=ema,averaging.decay={decay}" for decay in (0.9, 0.5)]
    others = (*decays, "regularize.dropout=true")
    rows = [(0.5, 0.9, 0.8)] + 2 * [(0.9, 0.8, 0.7)] + 3 * [(0.9, 0.5, 0.4)]
    *_, first, second, dropped = ablate.ablation_table(recorded(home, rows, others=others), home=home).rows
    assert first.component == second.component == "averaging, averaging.decay"
    assert first.own == second.own == {"averaging": "none", "averaging.decay": None}
    assert (first.off["averaging.decay"], second.off["averaging.decay"]) == (0.9, 0.5)
    assert (dropped.component, dropped.own, dropped.off) == ("regularize.dropout", False, True)


def test_a_diverged_variant_is_reported(home):
    nan = math.nan
    name = recorded(home, [(0.5, 0.9, 0.8), (nan,), (0.5, 0.7, nan)])
    _, schedule, rotation = ablate.ablation_table(name, home=home).rows
    assert (schedule.n, schedule.failure, schedule.clear) == (0, "diverged", False)
    assert math.isnan(schedule.difference)
    assert (rotation.n, rotation.failure) == (1, "")
    assert rotation.difference == pytest.approx(-0.2)
    assert math.isnan(rotation.low)


def test_trials_added_later_are_not_rows(home):
    name = recorded(home, [(0.5, 0.9), (0.5, 0.8), (0.5, 0.7), (0.5, 0.6)])
    assert [row.component for row in ablate.ablation_table(name, home=home).rows] == [
        "",
        "schedule",
        "augment.rotation",
    ]


def test_another_search_is_not_an_ablation(home):
    name = recorded(home, [(0.5,)], tags={"mine": "yes"})
    with pytest.raises(UserError, match="is not an ablation"):
        ablate.ablation_table(name, home=home)
    with pytest.raises(UserError, match="other"):
        ablate.ablation_table("other", home=home)


def test_one_seed_is_too_few(home, file):
    with pytest.raises(UserError, match="--seeds 1"):
        ablate.run_ablation(file, home=home, seeds=1)


def test_an_ablation_begins_with_a_test_part_that_stays_sealed(home, file, monkeypatch):
    begun = []

    def to_end(self, signals, options, watch):
        begun.append((self.ledger.name, options, read_history(self.ledger).opened.tags))
        return Outcome.__new__(Outcome)

    monkeypatch.setattr(SearchRun, "to_end", to_end)
    ablate.run_ablation(file, home=home, seeds=2)
    assert begun == [("ablate-mine-1", RunOptions(unseal=False), {ablate.TAG: str(file)})]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_ablation_ends_with_a_sealed_test_part_and_shows_its_table_again(home, file):
    def run(*words):
        command = [sys.executable, "-m", "hpo.cli.main", "--json", "--home", str(home.root), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=file.parent)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    *_, outcome, table = run("ablate", str(file), "--seeds", "2", "--set", "resources.trials_at_once=2")
    assert (outcome["search"], outcome["status"], outcome["test"]) == ("ablate-mine-1", "done", None)
    assert [row["component"] for row in table["rows"]] == ["", "schedule", "augment.rotation"]
    assert [row["n"] for row in table["rows"]] == [2, 2, 2]
    assert table["rows"][0]["difference"] is None
    assert run("ablate", "ablate-mine-1") == [table]
