"""A user's trainable is inspected in a separate process that imports from its folder only."""

from pathlib import Path
from typing import Any

import pytest

from hpo.core.errors import InvalidSpec
from hpo.spec import parse_spec
from hpo.spec.faults import Faults
from hpo.spec.user_trainables import code_of, inspect

CODE = """
import sys
from hpo.core.grammar import Grammar, Group, Hyperparameter, Part
from hpo.core.trainable import Metric

print("noise on standard output")

B = Hyperparameter("b", "str", "u", choices=("u", "v"))

class Mine:
    grammar = Grammar(
        (Hyperparameter("alpha", "float", 1.0, low=0), Hyperparameter("epochs", "int", 5)),
        (Group("kind", (Part("a", "x:a", "s", (B,)),), default="a"),),
    )
    metrics = (Metric("error", "min"),)
    def train(self, recipe, train, validation, context): ...
    def load(self, recipe, weights, info): ...
    def score(self, outputs, targets): ...

mine = Mine()
no_grammar = object()
class NoScore(Mine):
    score = None
class NoMetrics(Mine):
    metrics = ()
class Fails(Mine):
    def __init__(self):
        raise RuntimeError("out of luck")
class WrongMode(Mine):
    def __init__(self):
        self.metrics = (Metric("error", "minimize"),)
class WrongKind(Mine):
    def __init__(self):
        self.grammar = Grammar((Hyperparameter("alpha", "floot", 1.0),))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with user code."""
    (tmp_path / "mine.py").write_text(CODE)
    return tmp_path


@pytest.mark.parametrize("name", ["mine:Mine", "mine:mine"])
def test_a_class_or_an_object_is_described(name: str, folder: Path, document: dict[str, Any]) -> None:
    document |= {"trainable": name, "space": {"alpha": {"uniform": [0, 1]}, "kind.b": {"choice": ["u", "v"]}}}
    spec = parse_spec(document, base=folder)
    assert spec.user_code == folder / "mine.py"
    assert (spec.objective.metric, spec.objective.mode) == ("error", "min")
    assert spec.recipe_of({"alpha": 0.5, "kind.b": "v"}) == {
        "alpha": 0.5,
        "epochs": 9,
        "kind": {"name": "a", "b": "v"},
    }
    assert parse_spec(spec.document) == spec


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mine:nothing", "has no attribute 'nothing'"),
        ("mine:no_grammar", "its `grammar` must be"),
        ("mine:NoScore", "has no method score"),
        ("mine:NoMetrics", "`metrics` must not be empty"),
        ("mine:Fails", r"RuntimeError: out of luck \(line 28 of .*mine\.py\)"),
        ("mine:WrongMode", r"mode 'minimize' does not exist; legal: max, min \(line 31 of .*mine\.py\)"),
        (
            "mine:WrongKind",
            r"'floot' does not exist; legal: float, int,.*\(line 34 of .*mine\.py\)",
        ),
        ("nowhere:x", "No module named 'nowhere'"),
        ("os:system", "is not a trainable"),
        ("../mine:x", "is not of the form module:attribute"),
        ("mine:a b", "is not of the form module:attribute"),
    ],
)
def test_anything_else_is_refused(name: str, words: str, folder: Path, document: dict[str, Any]) -> None:
    document["trainable"] = name
    with pytest.raises(InvalidSpec, match=words):
        parse_spec(document, base=folder)


def test_nothing_is_imported_from_the_working_folder(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        faults = Faults("x")
        assert inspect("mine:Mine", other, faults) is None
    assert "No module named 'mine'" in faults.found[0].message


def test_a_module_that_never_finishes_importing_times_out(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(600)\n")
    faults = Faults("x")
    assert inspect("slow:x", tmp_path, faults, seconds=1) is None
    assert "importing it took more than 1 s" in faults.found[0].message


def test_a_module_that_kills_its_process_is_reported(tmp_path: Path) -> None:
    (tmp_path / "hard.py").write_text("import os\nos._exit(3)\n")
    faults = Faults("x")
    assert inspect("hard:x", tmp_path, faults) is None
    assert "its process ended with exit code 3" in faults.found[0].message


def test_the_file_that_would_run_is_named_without_running_it(folder: Path) -> None:
    assert code_of("mine:Mine", folder) == str(folder / "mine.py")
    assert code_of("torch.nn:Linear", folder) == "the installed module torch.nn"


def test_code_is_imported_again_only_after_it_changed_or_failed(folder: Path) -> None:
    imports = folder / "imports.txt"
    counted = CODE + f"\nwith open({str(imports)!r}, 'a') as file: file.write('x')\n"
    code = folder / "counted.py"

    def imported(name: str, text: str) -> int:
        code.write_text(text)
        before = len(imports.read_text()) if imports.exists() else 0
        inspect(f"counted:{name}", folder, Faults({}))
        return len(imports.read_text()) - before

    assert [imported("Mine", counted), imported("Mine", counted)] == [1, 0]
    assert [imported("Mine", counted + "\n# edited"), imported("NoScore", counted)] == [1, 1]
    assert [imported("Fails", counted), imported("Fails", counted)] == [1, 1]
