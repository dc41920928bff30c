"""What goes on record beside a test score: a metric without a value there costs no other one."""

import numpy as np

from hpo.core import events
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.record import Recorded
from hpo.core.trainable import Examples
from hpo.metrics.assessment import Assessment
from hpo.spec import read_spec
from hpo.use_cases.dataset.split_dataset import split_dataset_of
from hpo.use_cases.model.opening_details import baselines_of_test
from trainables.registry import REGRESSION
from trainables.scores import regression

SPEC = """
version: 1
data: {source: csv, arguments: {file: rows.csv, target: y}}
trainable: tabular
objective: {metric: r2}
space: {learning_rate: {loguniform: [1e-3, 0.3]}}
scheduler: {max_epochs: 3}
budget: {trials: 3}
"""


def test_equal_test_targets_leave_baselines_their_other_metrics(tmp_path):
    random = np.random.default_rng(0)
    lines = [f"{a:.4f},{b:.4f},{a + b:.4f}" for a, b in random.normal(size=(80, 2))]
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    (tmp_path / "spec.yaml").write_text(SPEC)
    spec = read_spec(str(tmp_path / "spec.yaml"), [])
    prepared = split_dataset_of(spec.data, spec.base, Home(tmp_path / "home").create()).prepared
    opened = events.SearchOpened(spec.document, spec.digest, {}, {})
    history = History.of([Recorded(1, 0.0, opened)], spec.objective)
    targets, outputs = np.ones(20, np.float32), np.linspace(0, 1, 20)
    examples = Examples(random.normal(size=(20, 2)).astype(np.float32), targets, np.arange(20), prepared.info)
    model = Assessment(regression(outputs, targets), {}, regression, outputs, targets)
    found = baselines_of_test(spec, prepared, history, examples, model, REGRESSION, 1, 0.95)
    assert set(found.scores["linear model"]) == {"mean_squared_error", "mean_absolute_error"}
    assert found.notes == ("r2 has no value on these rows",)
