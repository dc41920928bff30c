"""Predictions of test rows that come with their labels are a look, and treated like one."""

import json
import shutil

import numpy as np
import pytest

from hpo.cli import main as command
from hpo.core import events
from hpo.core.errors import Refused
from hpo.core.events import End
from hpo.core.home import Home
from hpo.ledger.register import Register
from hpo.ledger.searches import read_history
from hpo.ledger.store import LedgerStore
from hpo.reports.account import page
from hpo.running import checkpoints
from hpo.spec import read_spec
from hpo.use_cases.account import account_of
from hpo.use_cases.audit import audit_search
from hpo.use_cases.dataset.split_dataset import split_dataset_of
from hpo.use_cases.model import register_policy
from hpo.use_cases.model.evaluation import score_winner
from hpo.use_cases.model.members import fix_model
from hpo.use_cases.model.winning_recipe import write_recipe
from hpo.use_cases.open_test import open_test_part
from hpo.use_cases.predict import predict_file
from hpo.use_cases.submit import open_search
from tests.use_cases.model.line_model import MODEL

SPEC = """
version: 1
data: {source: csv, arguments: {file: rows.csv, target: y, task: regression}}
trainable: predicted_line:Line
space: {rate: {loguniform: [0.01, 0.3]}}
scheduler: {name: asha, max_epochs: 3, first_rung: 1}
budget: {trials: 3}
finalists: {count: 1, seeds: 2}
"""
REASON = "to see the errors"


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A folder with a search that has a winner, a sealed test part and a recipe; rows as lines."""
    tmp_path = tmp_path_factory.mktemp("predicted") / "original"
    tmp_path.mkdir()
    (tmp_path / "predicted_line.py").write_text(MODEL)
    (tmp_path / "spec.yaml").write_text(SPEC)
    random = np.random.default_rng(0)
    lines = [f"{a:.6f},{b:.6f},{a + b:.6f}" for a, b in random.normal(size=(200, 2))]
    (tmp_path / "rows.csv").write_text("a,b,y\n" + "\n".join(lines) + "\n")
    spec, home = read_spec(str(tmp_path / "spec.yaml"), []), Home(tmp_path / "home").create()
    dataset = split_dataset_of(spec.data, spec.base, home)
    ledger = open_search(LedgerStore.at(home.ledger), spec, dataset, "one", {})
    recipe = {"rate": 0.1}
    sha256 = checkpoints.write(home.search("one").weights / "w", {"line": np.ones(2, np.float32)})
    ledger.append(
        [
            events.TrialStarted(0, 0, recipe, recipe, 1, "sampler"),
            events.TrialEnded(0, 0, End.FINISHED, 3, 0.2),
            events.FinalistsNamed((0,)),
            events.TrialStarted(0, 1, recipe, recipe, 2, "finalist"),
            events.TrialEnded(0, 1, End.FINISHED, 3, 0.2, weights="w", sha256=sha256),
            events.WinnerNamed(0, 1, 0.2, 0.01, 2, "the only one"),
        ]
    )
    fix_model(ledger)
    write_recipe(home, spec, ledger)
    development = {f"{x:.6f}" for x in np.load(dataset.prepared.folder / "inputs.npy")[:, 0]}
    sealed = [line for line in lines if line.split(",")[0] not in development]
    LedgerStore.at(home.ledger).close()
    shutil.copytree(tmp_path, tmp_path.parent / "kept")
    return tmp_path, sealed, [line for line in lines if line not in sealed]


@pytest.fixture
def searched(original, monkeypatch):
    """The search as it was first, its ledger, its test rows and its development rows."""
    folder, sealed, others = original
    shutil.rmtree(folder)
    shutil.copytree(folder.parent / "kept", folder)
    monkeypatch.chdir(folder)
    home = Home(folder / "home")
    return home, LedgerStore.at(home.ledger).open("one"), sealed, others


@pytest.fixture
def tmp_path(original):
    """The folder of the search, as if it were the test's own."""
    return original[0]


def table(folder, lines, columns=(0, 1, 2), names="aby", change=str):
    path = folder / "new.csv"
    cells = [line.split(",") for line in lines]
    rows = [",".join(change(row[column]) for column in columns) for row in cells]
    path.write_text("\n".join([",".join(names[column] for column in columns), *rows]) + "\n")
    return path


def test_labelled_test_rows_are_refused_without_a_reason_and_recorded_with_one(searched, tmp_path):
    home, ledger, sealed, others = searched
    data, recipe = table(tmp_path, sealed[:5] + others[:20]), home.search("one").recipe
    with pytest.raises(Refused, match=r"5 of the 25 rows are in the test part of one, which is sealed"):
        predict_file(recipe, data, home=home)
    assert register_policy.all_openings() == []
    found = predict_file(recipe, data, home=home, again=REASON)
    assert len(found.predicted) == 25
    assert "look number 1" in found.warnings[0]
    (opening,) = register_policy.all_openings()
    assert (opening.state, opening.predicted, opening.search) == ("completed", 5, "one")
    (prediction,) = read_history(ledger).predictions
    assert (prediction.key, prediction.rows, prediction.reason) == (opening.key, 5, REASON)
    predict_file(recipe, data, home=home, again=REASON)  # the same rows by the same model show nothing new
    assert len(register_policy.all_openings()) == len(read_history(ledger).predictions) == 1
    predict_file(recipe, table(tmp_path, sealed[5:8]), home=home, again=REASON)
    assert [opening.look for opening in register_policy.all_openings()] == [1, 2]


def test_rows_of_practice_data_are_predicted_without_a_record_of_a_look(searched, tmp_path):
    home, ledger, sealed, _ = searched
    (described,) = (home.root / "data").glob("*/manifest.json")
    facts = json.loads(described.read_text())
    facts["info"]["practice"] = True  # as of the data sets that come with this package
    described.chmod(0o600)
    described.write_text(json.dumps(facts))
    found = predict_file(home.search("one").recipe, table(tmp_path, sealed[:5]), home=home)
    assert (len(found.predicted), register_policy.all_openings()) == (5, [])
    assert read_history(ledger).predictions == ()


def test_a_prediction_of_test_rows_counts_before_the_score(searched, tmp_path, monkeypatch):
    home, _, sealed, _ = searched
    predict_file(home.search("one").recipe, table(tmp_path, sealed), home=home, again=REASON)
    assert audit_search("one", home=home).findings == ()
    with pytest.raises(Refused, match=r"opened before: first by .* rows predicted with hpo predict"):
        open_test_part("one", home=home)
    text = " ".join(page(account_of("one", home=home)).split())
    assert f"{len(sealed)} rows predicted with hpo predict" in text
    assert audit_search("one", home=home).findings == ()
    monkeypatch.setenv("HPO_REGISTER", str(tmp_path / "another.db"))
    Register(tmp_path / "another.db")
    (finding,) = audit_search("one", home=home).findings
    assert "(TestPredicted)" in finding.text
    with pytest.raises(Refused, match="opened before"):  # the home's own ledger has it
        score_winner(home, "one")


@pytest.mark.parametrize(
    ("columns", "names", "change"),
    [((0, 1), "aby", str), ((0, 1), "aby", lambda cell: f"{float(cell):.3f}")],
    ids=["equal", "rounded"],
)
def test_test_rows_without_labels_are_named(searched, tmp_path, columns, names, change):
    home, _, sealed, _ = searched
    found = predict_file(
        home.search("one").recipe, table(tmp_path, sealed, columns, names, change), home=home
    )
    named = [text for text in found.warnings if "rows are in the test part of one, which is sealed" in text]
    assert len(named) == (change is str)
    assert register_policy.all_openings() == []


def test_test_rows_with_an_edited_column_are_recognised(searched, tmp_path):
    home, _, sealed, _ = searched
    path = table(tmp_path, sealed)
    header, *lines = path.read_text().splitlines()
    edited = [line.split(",") for line in lines]
    path.write_text("\n".join([header, *(f"{a},{float(b):.2f},{y}" for a, b, y in edited)]) + "\n")
    with pytest.raises(Refused, match="in the test part of one"):
        predict_file(home.search("one").recipe, path, home=home)


def test_other_rows_are_predicted_without_a_word(searched, tmp_path):
    home, _, _, others = searched
    assert predict_file(home.search("one").recipe, table(tmp_path, others), home=home).warnings == ()


def test_opened_rows_are_recognised_without_the_home(searched, tmp_path):
    home, _, sealed, _ = searched
    score_winner(home, "one")
    recipe, copy = home.search("one").recipe, tmp_path / "copy"
    copy.mkdir()
    text = recipe.read_text().replace(str(home.root / "searches"), str(tmp_path / "nowhere" / "searches"))
    (copy / "recipe.yaml").write_text(text)
    (copy / "recipe.weights").mkdir()
    (copy / "recipe.weights" / "w").write_bytes((home.search("one").weights / "w").read_bytes())
    data = table(tmp_path, sealed)
    with pytest.raises(Refused, match=r"are in the test part, opened first by .* for one"):
        predict_file(copy / "recipe.yaml", data)
    assert "look number 2" in predict_file(copy / "recipe.yaml", data, again=REASON).warnings[0]


def test_the_command_ends_like_a_second_test(searched, tmp_path, capfd):
    home, _, sealed, _ = searched
    data, recipe = table(tmp_path, sealed), tmp_path / "recipe.yaml"
    recipe.write_bytes(home.search("one").recipe.read_bytes())  # beside its code

    def hpo(*typed):
        with pytest.raises(SystemExit) as left:
            command.main(["--home", str(home.root), *map(str, typed)])
        return left.value.code

    assert hpo("predict", recipe, data) == 3
    assert "--again --reason TEXT" in capfd.readouterr().err
    assert hpo("predict", recipe, data, "--again") == 2
    assert hpo("--json", "predict", recipe, data, "--again", "--reason", REASON) == 0
    out = capfd.readouterr().out
    assert len(json.loads(out)["rows"]) == len(sealed)
    assert hpo("openings") == 0
    assert f"{len(sealed)} rows predicted with hpo predict" in capfd.readouterr().out
