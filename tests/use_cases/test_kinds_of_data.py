"""Every kind of data that training code can bring: tried, searched, scored on its test part and verified."""

from pathlib import Path

import numpy as np
import pytest

from hpo.core.events import End, SearchEnded
from hpo.core.home import Home
from hpo.ledger.searches import read_history
from hpo.spec import read_spec
from hpo.use_cases.export import export_recipe
from hpo.use_cases.model.evaluation import score_winner
from hpo.use_cases.try_recipe import try_recipe
from hpo.use_cases.verify import verify_recipe
from tests.use_cases.test_shipping import opened, run

CODE = '''
import numpy as np
import hpo

N = 120

class Torch:
    """A map-style data set of torch, without its base class."""
    def __init__(self, items):
        self.items = items
    def __len__(self):
        return len(self.items)
    def __getitem__(self, index):
        import torch
        image, label = self.items[index]
        return torch.from_numpy(image), label

class HuggingFace:
    """Columns by name, and rows as dictionaries, as `datasets.Dataset` has them."""
    def __init__(self, **columns):
        self.columns = columns
        self.column_names, self.features = list(columns), dict(columns)
    def __len__(self):
        return len(next(iter(self.columns.values())))
    def __getitem__(self, index):
        if isinstance(index, str):
            return self.columns[index]
        return {name: column[index] for name, column in self.columns.items()}

def data(part, kind):
    random = np.random.default_rng(part == "test")
    x = random.normal(size=(N, 4)).astype("float32")
    images = random.integers(0, 256, size=(N, 8, 8), dtype=np.uint8)
    labels = random.integers(0, 3, size=N)
    value = x.sum(1)
    texts = ["word " * (1 + k % 5) + str(k) + part for k in range(N)]
    match kind:
        case "multi-label":
            return x, (x[:, :3] > 0).astype("int64")
        case "masks":
            return images, (images > 127).astype(np.uint8)
        case "sequences":
            return random.normal(size=(N, 7, 2)), random.normal(size=(N, 7))
        case "several horizons":
            return x, np.stack([value, 2 * value, 3 * value], 1)
        case "several inputs":
            return [{"image": images[k], "age": float(k), "target": float(value[k])} for k in range(N)]
        case "list of dicts":
            return [{"text": texts[k], "label": ["a", "b"][k % 2]} for k in range(N)]
        case "list of pairs":
            return [(x[k], int(labels[k])) for k in range(N)]
        case "torch":
            return Torch([(x[k], int(labels[k])) for k in range(N)])
        case "hugging face":
            return HuggingFace(input_ids=[list(map(int, row)) for row in images[:, 0]], label=labels.tolist())
        case "ragged":
            rows = [list(map(int, x[k] * 100)) * (1 + k % 4) for k in range(N)]
            return [{"input_ids": rows[k], "labels": int(labels[k])} for k in range(N)]
        case "pandas":
            import pandas as pd
            return pd.DataFrame({"age": x[:, 0], "note": texts, "y": value})
        case "iterable":
            return ({"x": row, "target": float(of)} for row, of in zip(x, value))
        case "stream":
            tokens = random.integers(0, 50, size=64 * N).astype(np.uint16)
            return hpo.Stream(tokens, block=64)
    raise ValueError(kind)

@hpo.trainable(metrics={"mse": "min"})
def fit(run, data, *, rate=0.5, kind=""):
    run.artifact(repr(describe(data.train[0])), "item.txt")
    model = run.build()
    run.track()
    for _ in run.epochs():
        mean = data.train.targets.astype("float64").mean(0)
        model["mean"] = (1 - rate) * model["mean"] + rate * mean
        run.report(evaluate(model, data.validation))

def describe(value):
    if isinstance(value, dict):
        return {name: describe(of) for name, of in value.items()}
    if isinstance(value, tuple):
        return tuple(map(describe, value))
    shape = getattr(value, "shape", ())
    name = type(value).__name__
    return f"{name} {str(value.dtype).removeprefix('torch.')} {list(shape)}" if shape else name

@fit.build
def build(run):
    return {"mean": np.zeros(1)}

@fit.evaluate
def evaluate(model, dataset):
    errors = (dataset.targets.astype("float64") - model["mean"]) ** 2
    return {"mse": errors.reshape(len(dataset), -1).mean(1)}
'''
SPEC = """
version: 1
data: {source: "kinds_code:data", arguments: {kind: KIND}}
trainable: {name: "kinds_code:fit", arguments: {kind: KIND}}
space: {rate: {uniform: [0.1, 0.9]}}
scheduler: {name: none, max_epochs: 2}
budget: {trials: 2}
finalists: {count: 1, seeds: 1}
"""
ITEMS = {
    "multi-label": ("ndarray float32 [4]", "ndarray int64 [3]"),
    "masks": ("ndarray uint8 [8, 8]", "ndarray uint8 [8, 8]"),
    "sequences": ("ndarray float64 [7, 2]", "ndarray float64 [7]"),
    "several horizons": ("ndarray float32 [4]", "ndarray float32 [3]"),
    "several inputs": {"image": "ndarray uint8 [8, 8]", "age": "float", "target": "float"},
    "list of dicts": {"text": "str", "label": "str"},
    "list of pairs": ("ndarray float32 [4]", "int"),
    "torch": ("Tensor float32 [4]", "int"),
    "hugging face": {"input_ids": "ndarray int64 [8]", "label": "int"},
    "ragged": {"input_ids": "ndarray int64 [4]", "labels": "int"},
    "pandas": {"age": "float", "note": "str", "y": "float"},
    "iterable": {"x": "ndarray float32 [4]", "target": "float"},
    "stream": ("ndarray uint16 [64]", "ndarray uint16 [64]"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ITEMS)
def test_data_is_tried_searched_and_scored_with_items_as_they_were(kind, tmp_path):
    (tmp_path / "kinds_code.py").write_text(CODE)
    (tmp_path / "spec.yaml").write_text(SPEC.replace("KIND", kind))
    spec, home = read_spec(tmp_path / "spec.yaml"), Home(tmp_path / "home").create()
    assert [found for found in try_recipe(spec, home=home).findings if found.result != "holds"] == []

    ledger, environment = opened(home, spec, "kinds")
    run(spec, ledger, environment)
    trainings = read_history(ledger).trainings.values()
    assert [training.message for training in trainings if training.end is not End.FINISHED] == []
    score_winner(home, "kinds")
    ledger.append([SearchEnded("done")])
    score = read_history(ledger).score
    assert score is not None
    assert np.isfinite([score.scores["mse"][bound] for bound in ("value", "low", "high")]).all()
    (item, *_) = home.search("kinds").root.rglob("item.txt")
    assert eval(item.read_text()) == ITEMS[kind]
    recipe = export_recipe("kinds", home=home, out=tmp_path / "recipe.yaml")
    assert verify_recipe(Path(recipe), home=home).result == "identical"
