"""check, spaces and parts: what is shown, how mistakes end, and that nothing heavy is imported."""

import json
import subprocess
import sys

import pytest

from hpo.cli.plans import clause, fact_rows, plan, space_rows
from hpo.cli.specs import about
from hpo.core.space import Among, Between

HEAVY = ("torch", "torchvision", "ray", "mlflow", "optuna", "sqlalchemy", "pandas", "numpy", "sklearn")


@pytest.fixture
def spec():
    from hpo.spec import read

    return read("digits")


@pytest.mark.parametrize("typed", [["check", "digits"], ["parts", "optimizer"], ["spaces"]])
def test_commands_about_specs_import_nothing_heavy(typed):
    code = (
        "import sys\n"
        "from hpo.cli.main import main\n"
        f"try: main({typed!r})\n"
        "except SystemExit as left: assert left.code == 0, left.code\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.exit(f'loaded: {loaded}' if loaded else 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout


def test_a_plan_shows_space_rungs_and_what_the_budget_buys(spec):
    shown = plan(spec)
    rows = {name: (values, when) for name, values, when in space_rows(shown)}
    assert rows["learning_rate"] == ("a number from 0.001 to 0.3, log scale", "")
    assert rows["optimizer.momentum"][1] == "optimizer is momentum or nesterov"
    facts = dict(fact_rows(spec, shown))
    assert facts["rungs"] == "3, 9; a full training has 27 epochs"
    assert facts["finalists"] == "3 trials on 3 fresh seeds each: 243 epochs set aside"
    assert facts["combinations"] == "infinitely many"
    assert shown["forecast"]["trials"] == 40
    assert 0 < shown["feasible_share"] < 1


def test_a_finite_space_is_counted_up_to_a_limit():
    from hpo.spec import parse

    def combinations(**space):
        said = {
            "version": 1,
            "data": {"source": "digits"},
            "trainable": "image_classifier",
            "space": space,
            "scheduler": {"max_epochs": 3},
            "budget": {"hours": 2.5},
            "finalists": {"count": 1, "seeds": 1},
        }
        read = parse(said)
        return dict(fact_rows(read, plan(read)))

    few = combinations(batch_size={"choice": [16, 32, 64]}, activation={"choice": ["relu", "tanh"]})
    assert few["combinations"] == "6"
    assert few["budget"] == "2.5 hours"
    assert few["search"] == "as many trials as fit into the time, proposed by tpe"
    many = combinations(batch_size={"randint": [1, 200_000]})
    assert many["combinations"] == "100,000 or more"


def test_conditions_in_words():
    assert clause(()) == ""
    assert clause((("a", Among(("x", True))), ("b", Between(1, 2)))) == "a is x or true and b is from 1 to 2"
    assert clause((("a", Between(high=0.5)),)) == "a is at most 0.5"
    assert clause((("a", Between(low=3)),)) == "a is at least 3"


def test_about_is_the_first_comment_for_a_reader(tmp_path):
    file = tmp_path / "spec.yaml"
    file.write_text("# yaml-language-server: $schema=x\n#\n# What it is.\n# More.\nversion: 1\n")
    assert about(file) == "What it is."
    file.write_text("version: 1\n")
    assert about(file) == ""


def test_check_as_json(hpo):
    ran = hpo("check", "digits", "--set", "budget.trials=50", "--seed", "7", "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["forecast"]["trials"] == 50


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["check", "nowhere.yaml"], "nowhere.yaml"),
        (["check", "digits", "--set", "budget.trials=none"], "budget.trials"),
        (["check", "digits", "--set", "nonsense"], "nonsense"),
        (["check", "digits", "--seed", "many"], "--seed"),
        (["check"], "SPEC"),
        (["parts", "nonsense"], "optimizer"),
    ],
)
def test_mistakes_exit_2_with_a_clear_text(typed, message, hpo):
    ran = hpo(*typed)
    assert ran.returncode == 2
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""


def test_parts_as_json(hpo):
    ran = hpo("parts", "--json")
    groups = json.loads(ran.stdout)
    sgd = next(each for each in groups["optimizer"]["parts"] if each["name"] == "sgd")
    assert sgd["source"]
    assert "about" in groups["recipe"]
