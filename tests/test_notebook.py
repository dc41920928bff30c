"""The quickstart notebook runs from top to bottom, on a smaller search."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "quickstart.ipynb"
SMALLER = """
spec |= {
    "scheduler": {"name": "asha", "max_epochs": 2, "first_rung": 1},
    "budget": {"trials": 3},
    "finalists": {"count": 1, "seeds": 2},
}
"""


def test_it_is_committed_without_results():
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert all(not cell.get("outputs") for cell in cells)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_it_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (parameters,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    parameters.source += SMALLER
    NotebookClient(notebook, timeout=800, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    pictures = [each for each in shown if "image/png" in each.get("data", {})]
    assert len(pictures) == 2
    assert any("'done'" in each.get("data", {}).get("text/plain", "") for each in shown)
    assert any("learning_rate" in each.get("data", {}).get("text/html", "") for each in shown)
