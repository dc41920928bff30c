"""The view that ``hpo ui`` opens, and whether the installed MLflow still understands it."""

import json
from pathlib import Path

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from hpo.core.home import Home
from hpo.core.objective import Objective
from hpo.tracking import leaderboard, ui_server
from hpo.tracking.leaderboard import Leaderboard, write_leaderboard
from hpo.tracking.mirror import Mirror
from hpo.tracking.target import Target
from tests.tracking.scenario import NAME, memory_ledger, opened, projection, started

NAMES = ("learning_rate", "optimizer", "optimizer.momentum")
BOARD = Leaderboard("digits", NAMES, NAMES[:2], Objective("accuracy"))


@pytest.fixture
def target(home: Home) -> Target:
    """The store of a home with one search in the experiment digits."""
    target = Target.of(home, {})
    ledger, folder = memory_ledger([opened(), started(0)]), home.search(NAME)
    Mirror(ledger, target.store("digits"), projection(home), folder).catch_up()
    return target


def test_the_installed_mlflow_knows_every_name_of_the_view() -> None:
    """Look at its pages with a browser before a new version is added to `VERSIONS`."""
    assert leaderboard.is_supported(), mlflow.__version__
    view = json.loads(BOARD.state())
    fields = {*view, *(field for chart in view["compareRunCharts"] for field in chart)}
    fields |= {field for section in view["compareRunSections"] for field in section}
    unknown = {*fields, leaderboard.TAG.removesuffix(leaderboard.KEY), "viewStateShareKey"}
    unknown |= {view["runsHiddenMode"], *(chart["type"] for chart in view["compareRunCharts"])}
    for script in (Path(mlflow.__file__).parent / "server" / "js" / "build").rglob("*.js"):
        text = script.read_text(encoding="utf-8", errors="replace")
        unknown = {name for name in unknown if name not in text}
    assert unknown == set()


def test_axes_of_the_parallel_coordinates_are_parameters_of_every_trial() -> None:
    view = json.loads(BOARD.state())
    parallel = next(chart for chart in view["compareRunCharts"] if chart["type"] == "PARALLEL")
    assert parallel["selectedParams"] == ["learning_rate", "optimizer"]
    assert [column for column in view["selectedColumns"] if column.startswith("params.")] == [
        "params.`learning_rate`",
        "params.`optimizer`",
        "params.`optimizer.momentum`",
    ]
    assert view["orderByAsc"] is False
    assert json.loads(Leaderboard("x", (), (), Objective("loss", "min")).state())["orderByAsc"] is True


def test_a_space_of_forty_parameters_stays_readable() -> None:
    names = tuple(f"parameter_{n}" for n in range(40))
    view = json.loads(Leaderboard("x", names, names, Objective("accuracy")).state())
    assert len(view["selectedColumns"]) < 20
    assert len(view["compareRunCharts"][0]["selectedParams"]) == 8


def test_mlflow_reads_the_view_as_a_tag_of_the_experiment(target: Target) -> None:
    for _ in range(2):
        assert write_leaderboard(target.home.tracking, BOARD) == "1"
    experiment = MlflowClient(target.uri).get_experiment("1")
    assert experiment.tags[leaderboard.TAG] == BOARD.state()


def test_an_experiment_that_does_not_exist_yet_has_no_view(target: Target) -> None:
    other = Leaderboard("other", (), (), Objective("accuracy"))
    assert write_leaderboard(target.home.tracking, other) == ""
    assert leaderboard.QUERY not in ui_server.prepare_ui_server(target, board=other).url


def test_the_page_opens_on_the_leaderboard(target: Target) -> None:
    url = ui_server.prepare_ui_server(target, board=BOARD).url
    assert url.endswith("#/experiments/1/runs?workflowType=machine_learning&viewStateShareKey=hpo")


def test_with_another_version_of_mlflow_it_opens_the_list_of_runs(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaderboard, "VERSIONS", ("2.",))
    url = ui_server.prepare_ui_server(target, board=BOARD).url
    assert url.endswith("#/experiments/1/runs?workflowType=machine_learning")
