"""check, examples and parts: their output, their errors, and that nothing heavy is imported."""

import json
import subprocess
import sys

import pytest

from hpo.cli.check_report import fact_rows, plan
from hpo.cli.checking import about
from hpo.cli.main import main
from hpo.spec import parse_spec, read_spec
from hpo.spec.overview import space_overview
from hpo.use_cases.usual import usual_texts

HEAVY = ("torch", "torchvision", "ray", "mlflow", "optuna", "sqlalchemy", "pandas", "numpy", "sklearn")


@pytest.fixture
def spec():
    return read_spec("digits")


@pytest.mark.parametrize("typed", [["check", "digits"], ["parts", "optimizer"], ["spaces"]])
def test_commands_about_specs_import_nothing_heavy(typed, tmp_path):
    code = (
        "import sys\n"
        "from hpo.cli.main import main\n"
        f"try: main({typed!r})\n"
        "except SystemExit as left: assert left.code == 0, left.code\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.exit(f'loaded: {loaded}' if loaded else 0)"
    )
    # In a folder without a home: with one, its ledger is opened for the pace of the last search.
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout


def test_looking_for_leaks_imports_no_library_that_only_the_models_need(tmp_path):
    rows = [f"{number % 7},{number * 37 % 101},{'ab'[number % 2]}" for number in range(240)]
    (tmp_path / "rows.csv").write_text("\n".join(["x,z,y", *rows]))
    (tmp_path / "spec.yaml").write_text(
        "version: 1\ndata: {source: csv, arguments: {file: rows.csv, target: y}}\ntrainable: tabular\n"
        "space: {learning_rate: {loguniform: [1e-3, 0.3]}}\nscheduler: {max_epochs: 3}\nbudget: {trials: 3}\n"
    )
    code = (
        "import sys\n"
        "from hpo.cli.main import main\n"
        "try: main(['check', 'spec.yaml', '--data', '--home', 'home'])\n"
        "except SystemExit as left: assert left.code == 0, left.code\n"
        "loaded = {'sklearn', 'pandas', 'torch', 'ray'} & sys.modules.keys()\n"
        "sys.exit(f'loaded: {loaded}' if loaded else 0)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "leak" in ran.stdout


def test_a_plan_shows_the_rungs_and_the_estimate_of_the_budget(spec):
    facts = space_overview(spec)
    rows = dict(fact_rows(spec, facts))
    assert rows["rungs"] == "3, 9; a full training has 27 epochs"
    assert rows["finalists"] == "3 trials on 3 fresh seeds each: 243 epochs set aside"
    assert rows["combinations"] == "infinitely many"
    shown = plan(spec, facts, usual_texts(spec))
    assert shown["forecast"]["trials"] == spec.budget.trials
    assert 0 < shown["feasible_share"] < 1
    assert shown["combinations"] == "infinite"
    assert {row["name"] for row in shown["space"]} == {row.name for row in facts.rows}


def test_more_cpus_than_this_machine_has_are_named(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["check", "digits", "--set", "resources.cpus=100000"])
    assert "resources.cpus: a trial needs 100000, this machine has" in capsys.readouterr().out


def test_a_budget_of_time_and_a_finite_space():
    spec = parse_spec(
        {
            "version": 1,
            "data": {"source": "digits"},
            "trainable": "image_classifier",
            "space": {"batch_size": {"choice": [16, 32, 64]}, "activation": {"choice": ["relu", "tanh"]}},
            "scheduler": {"max_epochs": 3},
            "budget": {"hours": 2.5},
            "finalists": {"count": 1, "seeds": 1},
        }
    )
    rows = dict(fact_rows(spec, space_overview(spec)))
    assert rows["combinations"] == "6"
    assert rows["budget"] == "2.5 hours"
    fitting = "as many trials as fit into the time, proposed by auto, which weighs what an epoch takes"
    assert rows["search"] == fitting


def test_user_code_is_named_before_it_runs(tmp_path, hpo):
    (tmp_path / "broken.py").write_text("raise RuntimeError('it ran')\n")
    (tmp_path / "own.yaml").write_text("version: 1\ntrainable: broken:Net\ndata: {source: 'there:rows'}\n")
    ran = hpo("check", str(tmp_path / "own.yaml"), cwd=tmp_path)
    assert ran.returncode == 2
    trainable, data = ran.stdout.splitlines()
    assert f"trainable broken:Net from {tmp_path / 'broken.py'}" in trainable
    assert "data source there:rows from the installed module there" in data
    assert "it ran" in ran.stderr
    named = hpo("check", str(tmp_path / "own.yaml"), "--set", "trainable=image_classifier").stdout
    assert "trainable" not in named


@pytest.mark.parametrize("address", ["", "ray://there:10001"])
def test_a_missing_gpu_is_a_warning_with_the_sentence_of_submit(address, hpo, tmp_path):
    typed = ("digits", "--set", "resources={gpus: 1000, processes: 1}")
    around = {"RAY_ADDRESS": address, "HPO_HOME": str(tmp_path)}
    message = "resources.gpus: a trial needs 1000, this machine has "
    checked = hpo("check", *typed, "--json", **around)
    assert checked.returncode == 0, checked.stderr
    warnings = json.loads(checked.stdout)["warnings"]
    assert [each.startswith(message) for each in warnings] == ([] if address else [True])
    if not address:
        submitted = hpo("submit", *typed, **around)
        assert submitted.returncode == 2
        assert submitted.stderr.strip() == warnings[0]


def test_labels_and_custom_resources_need_a_cluster(hpo, tmp_path):
    typed = (
        "digits",
        "--set",
        "resources.labels={accelerator: H100}",
        "--set",
        "resources.custom={licence: 1}",
    )
    around = {"RAY_ADDRESS": "", "HPO_HOME": str(tmp_path)}
    sentence = (
        "resources: a trial needs 1 CPUs, 0 GPUs and 1 licence on a node labelled accelerator=H100, and only "
        "nodes of a cluster have labels and custom resources (label accelerator, licence); name a cluster "
        "with --address"
    )
    checked = hpo("check", *typed, "--json", **around)
    assert json.loads(checked.stdout)["warnings"] == [sentence]
    submitted = hpo("submit", *typed, **around)
    assert (submitted.returncode, submitted.stderr.strip()) == (2, sentence)
    refused = hpo("check", *typed, "--address", "127.0.0.1:9", **around)
    assert refused.returncode == 2
    assert "there is no Ray cluster to join at '127.0.0.1:9'" in refused.stderr


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
def test_mistakes_exit_2_with_a_clear_message(typed, message, hpo):
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
    assert set(json.loads(hpo("parts", "model", "--json").stdout)) == {"model", "tabular.model"}
