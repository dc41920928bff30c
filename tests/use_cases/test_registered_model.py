"""A shipped model in MLflow's registry: loaded again, it predicts what `hpo predict` predicts."""

import json
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pytest

from hpo.core.errors import UserError
from hpo.core.events import SearchEnded
from hpo.core.home import Home
from hpo.spec import read_spec
from hpo.use_cases.export_model import export_to_mlflow
from hpo.use_cases.inspect import load_search
from hpo.use_cases.model.members import fix_model
from hpo.use_cases.predict import predict_file
from tests.use_cases.test_shipping import DIGITS, LINE, ROWS, opened, run
from trainables.data.scikit_learn_sets import ScikitLearnSet

pytestmark = pytest.mark.slow

IN_MLFLOW = """
import json, sys
import mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
print(json.dumps(model.predict(pd.DataFrame({"b": [2, -1], "a": [1.0, 0.5]}))["predicted"].tolist()))
"""


def searched(folder, name, text):
    """A home with a finished search of a spec, which has not opened its test part."""
    (folder / f"{name}.yaml").write_text(text)
    spec, home = read_spec(str(folder / f"{name}.yaml"), []), Home(folder / "home").create()
    ledger, stage = opened(home, spec, name)
    run(spec, ledger, stage)
    fix_model(ledger)
    ledger.append([SearchEnded("done")])
    return home


@pytest.fixture(autouse=True)
def no_server(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return searched(tmp_path_factory.mktemp("digits"), "digits", DIGITS)


@pytest.fixture
def client(digits):
    return mlflow.MlflowClient(f"sqlite:///{digits.tracking}")


def loaded(uri, home):
    with mlflow.tracking._tracking_service.utils._use_tracking_uri(f"sqlite:///{home.tracking}"):
        return mlflow.pyfunc.load_model(uri)


def test_mlflow_loads_the_model_that_hpo_predicts_with(digits, tmp_path):
    registered = export_to_mlflow("digits", home=digits)
    assert (registered.uri, registered.is_new) == ("models:/digits/1", True)
    images = ScikitLearnSet("digits").test().inputs[:50]
    np.save(tmp_path / "rows.npy", images)
    search = load_search("digits", digits)
    (tmp_path / "recipe.yaml").write_text(recipe_of("digits", digits))
    expected = predict_file(tmp_path / "recipe.yaml", tmp_path / "rows.npy")
    predicted = loaded(registered.uri, digits).predict(images)
    assert tuple(predicted["predicted"]) == expected.predicted
    np.testing.assert_array_equal(predicted.filter(like="probability_"), expected.probabilities)
    assert registered.digest == expected.digest == search.history.model.digest


def recipe_of(name, home):
    from hpo.use_cases.export import export_recipe

    return export_recipe(name, home=home)


def test_the_version_names_its_search_its_frameworks_and_its_run(digits, client):
    registered = export_to_mlflow("digits", home=digits, model="frameworks")
    version = client.get_model_version("frameworks", "1")
    history = load_search("digits", digits).history
    assert version.tags["search"] == "digits"
    assert {name: version.tags[f"versions.{name}"] for name in history.versions} == history.versions
    assert client.get_run(version.run_id).data.tags["hpo.run"] == "search"
    folder = Path(version.source)
    assert digits.artifacts in folder.parents
    written = (folder / "requirements.txt").read_text().split()
    assert f"torch=={history.versions['torch'].partition('+')[0]}" in written
    endings = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert endings == {"", ".yaml", ".txt", ".safetensors"}
    assert registered.digest == version.tags["hpo.weights"]


def test_the_same_weights_are_registered_once(digits):
    first = export_to_mlflow("digits", home=digits, model="once")
    again = export_to_mlflow("digits", home=digits, model="once")
    assert (first.version, again.version, again.is_new) == (1, 1, False)


def test_what_cannot_be_registered_is_refused(digits, tmp_path):
    with pytest.raises(UserError, match="without /, :,"):
        export_to_mlflow("digits", home=digits, model="a/b")
    (tmp_path / "open.yaml").write_text(DIGITS)
    home = Home(tmp_path / "home").create()
    opened(home, read_spec(str(tmp_path / "open.yaml"), []), "open")
    with pytest.raises(UserError, match="has no winner yet"):
        export_to_mlflow("open", home=home)


def test_the_folder_of_a_registered_model_has_the_users_code(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / "shipped_line.py").write_text(LINE)
    values = np.random.default_rng(0).normal(size=(150, 2))
    lines = [f"{a:.4f},{b:.4f},{a - b:.4f}" for a, b in values]
    (project / "rows.csv").write_text("\n".join(["a,b,y", *lines]))
    home = searched(project, "line", ROWS)
    registered = export_to_mlflow("line", home=home)
    (tmp_path / "recipe.yaml").write_text(recipe_of("line", home))
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n0.5,-1\n")
    expected = predict_file(tmp_path / "recipe.yaml", tmp_path / "rows.csv")
    (project / "shipped_line.py").rename(project / "moved.py")
    words = [sys.executable, "-c", IN_MLFLOW, f"sqlite:///{home.tracking}", registered.uri]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout.splitlines()[-1]) == list(expected.predicted)
