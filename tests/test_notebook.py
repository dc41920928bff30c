"""The notebooks run from top to bottom, on smaller searches; stored results are free of errors."""

import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
SMALLER = {
    "coarse_to_fine": 'coarse = coarse.replace("trials: 12", "trials: 4")',
    "conditional_search": """spec |= {
    "scheduler": {"name": "asha", "max_epochs": 2, "first_rung": 1},
    "budget": {"trials": 4},
    "finalists": {"count": 1, "seeds": 2},
}""",
    "honest_numbers": "searches = 200",
    "quickstart": """spec |= {
    "scheduler": {"name": "asha", "max_epochs": 2, "first_rung": 1},
    "budget": {"trials": 3},
    "finalists": {"count": 1, "seeds": 2},
}""",
    "tabular_regression": 'settings = ["budget.trials=3", "scheduler.max_epochs=2", "finalists.count=1"]',
    "your_own_code": 'settings |= {"budget": 3, "max_epochs": 2}',
}
"""What is added to the cell with the parameters."""


def read(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def executed(name, folder, monkeypatch):
    """Run a notebook with smaller parameters and return everything that it shows."""
    monkeypatch.setenv("HPO_HOME", str(folder / "home"))
    monkeypatch.setenv("HPO_REGISTER", str(folder / "register.db"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")  # for `!hpo`
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    notebook = read(name)
    (parameters,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    parameters.source += f"\n{SMALLER[name]}"
    NotebookClient(notebook, timeout=800, resources={"metadata": {"path": str(folder)}}).execute()
    return outputs_of(notebook)


def outputs_of(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def test_all_notebooks_are_run():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == sorted(SMALLER)


@pytest.mark.parametrize("name", SMALLER)
def test_results_are_stored_where_they_are_looked_at(name):
    shown = outputs_of(read(name))
    assert shown
    assert all(output.output_type != "error" for output in shown)
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 500_000


def texts_of(shown):
    """Everything that outputs show as text."""
    return "\n".join(
        output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in shown
    )


def pictures_of(shown):
    """The number of plots among outputs."""
    pictures = {"image/png", "image/svg+xml"}
    return sum(bool(pictures & set(output.get("data", {}))) for output in shown)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_quickstart_looks_at_a_search(tmp_path, monkeypatch):
    shown = executed("quickstart", tmp_path, monkeypatch)
    assert pictures_of(shown) == 3
    assert "'learning_rate'" in texts_of(shown)
    assert (tmp_path / "quickstart.html").exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_code_in_a_file_is_searched(tmp_path, monkeypatch):
    shown = executed("your_own_code", tmp_path, monkeypatch)
    assert pictures_of(shown) == 1
    assert "ScoreInterval(" in texts_of(shown)
    assert (tmp_path / "my_search.py").exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_conditional_parameters_are_missing_elsewhere(tmp_path, monkeypatch):
    shown = executed("conditional_search", tmp_path, monkeypatch)
    assert pictures_of(shown) == 1
    assert "optimizer.momentum" in texts_of(shown)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_finer_search_follows_a_coarse_one(tmp_path, monkeypatch):
    shown = executed("coarse_to_fine", tmp_path, monkeypatch)
    assert pictures_of(shown) == 2
    assert "+++ finer.yaml" in texts_of(shown)
    assert "finer" in (tmp_path / "both.html").read_text()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_number_is_predicted_from_a_table(tmp_path, monkeypatch):
    shown = executed("tabular_regression", tmp_path, monkeypatch)
    assert pictures_of(shown) == 3
    assert "mean_squared_error" in texts_of(shown)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_honest_numbers_are_simulated(tmp_path, monkeypatch):
    shown = executed("honest_numbers", tmp_path, monkeypatch)
    assert pictures_of(shown) == 2
    assert "'100 trials'" in texts_of(shown)
