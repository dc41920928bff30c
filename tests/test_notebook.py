"""The notebooks run from top to bottom, on smaller searches; stored results are free of errors."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
SMALLER = {
    "honest_numbers": "searches = 200",
    "quickstart": """spec |= {
    "scheduler": {"name": "asha", "max_epochs": 2, "first_rung": 1},
    "budget": {"trials": 3},
    "finalists": {"count": 1, "seeds": 2},
}""",
}
"""What is added to the cell with the parameters."""

STORED = {"honest_numbers"}
"""Notebooks that are stored with what they show."""


def read(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def executed(name, folder, monkeypatch):
    """Run a notebook with smaller parameters and return everything that it shows."""
    monkeypatch.setenv("HPO_HOME", str(folder / "home"))
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
    assert bool(shown) == (name in STORED)
    assert all(output.output_type != "error" for output in shown)
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 500_000


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_quickstart_runs(tmp_path, monkeypatch):
    shown = executed("quickstart", tmp_path, monkeypatch)
    pictures = [each for each in shown if "image/png" in each.get("data", {})]
    assert len(pictures) == 2
    assert any("'done'" in each.get("data", {}).get("text/plain", "") for each in shown)
    assert any("learning_rate" in each.get("data", {}).get("text/html", "") for each in shown)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_honest_numbers_are_simulated(tmp_path, monkeypatch):
    shown = executed("honest_numbers", tmp_path, monkeypatch)
    assert sum("image/png" in each.get("data", {}) for each in shown) == 2
    assert any("'100 trials'" in each.get("data", {}).get("text/plain", "") for each in shown)
