"""A training function in a worker: it trains, reports, is restored, and evaluates its weights."""

import dataclasses
import shutil

import numpy as np
import pytest
import torch

import hpo
from hpo.core.errors import UserError
from hpo.core.events import Cause
from hpo.core.home import SearchFolder
from hpo.core.objective import Objective
from hpo.core.ports import TrainingTask
from hpo.core.recipe import Recipe
from hpo.core.trainable import DataInfo, Evaluates, Examples, Scores, trainable_of
from hpo.metrics.assessment import assess
from hpo.running import checkpoints
from hpo.running.environment import OpenedStage, TrainingData, TrainingEnvironment
from hpo.running.worker import Worker
from trainables.functions.saved_state import saved

INFO = DataInfo("array", "regression", (3,))
RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(size=(60, 3)).astype("float32")
TARGETS = INPUTS.sum(1).astype("float32")
TRAIN = Examples(INPUTS, TARGETS, np.arange(40), INFO)
VALIDATION = Examples(INPUTS, TARGETS, np.arange(40, 60), INFO)


@pytest.fixture
def linear():
    """A linear regression with everything that a training function can have."""

    @hpo.trainable(metrics={"mse": "min"})
    def fit(run, data, *, lr=0.1, stop_after=0, noise=0.0):
        model = run.build()
        optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        run.track(optimizer=optimizer)
        for epoch in run.epochs():
            inputs, targets = torch.as_tensor(data.train.inputs), torch.as_tensor(data.train.targets)
            optimizer.zero_grad()
            shaken = inputs + noise * torch.randn_like(inputs)
            (model(shaken)[:, 0] - targets).square().mean().backward()
            optimizer.step()
            run.report(evaluate(run, predict(model, data.validation), data.validation), **{"train/lr": lr})
            if epoch == stop_after:
                return

    @fit.build
    def build():
        return torch.nn.Linear(3, 1)

    @fit.predict
    def predict(model, dataset):
        with torch.no_grad():
            return model(torch.as_tensor(dataset.inputs))[:, 0]

    @fit.evaluate
    def evaluate(run, outputs, dataset):
        return {"mse": (torch.as_tensor(outputs) - torch.as_tensor(dataset.targets)).square()}

    return fit


@pytest.fixture
def environment(tmp_path):
    def of(fit, **settings):
        stage = OpenedStage(trainable_of(fit), lambda split: TrainingData(TRAIN, VALIDATION))
        folder = SearchFolder(tmp_path / "search")
        return TrainingEnvironment(lambda: stage, folder, Objective("mse", "min"), **settings)

    return of


def task(fit, epochs=4, **fields):
    recipe = fields.pop("recipe", {})
    complete = fit.grammar.resolve(recipe)
    return TrainingTask(
        **{"trial": 0, "replicate": 1, "recipe": complete, "seed": 2**40 + 5, "horizon": epochs, **fields}
    )


def trained(environment, what):
    worker = Worker(environment)
    worker.start(what)
    reports = []
    for _ in range(50):
        message = worker.advance()
        reports += message.reports
        if message.failure or message.finished or (reports and reports[-1].epoch == what.horizon):
            worker.abandon()
            return reports, message
    raise AssertionError("the training did not end")


def test_a_function_is_an_object_of_the_class_interface(linear):
    trainable = trainable_of(linear)
    assert isinstance(trainable, Evaluates)
    assert not isinstance(trainable, Scores)
    assert [metric.name for metric in trainable.metrics] == ["mse"]
    assert callable(trainable.combine)


def test_it_reports_every_epoch_and_its_weights_give_the_reported_value(linear, environment, tmp_path):
    reports, last = trained(environment(linear), task(linear, keep_weights=True))
    assert [report.epoch for report in reports] == [1, 2, 3, 4]
    assert reports[0].metrics["train/lr"] == 0.1
    trainable = trainable_of(linear)
    weights = checkpoints.read(tmp_path / "search" / "weights" / last.weights[0], last.weights[1])
    model = trainable.load(Recipe(task(linear).recipe), weights, INFO)
    assessment = assess(trainable, [model], VALIDATION)
    assert assessment.values["mse"] == pytest.approx(min(r.metrics["validation/mse"] for r in reports))
    assert assessment.rows["mse"].shape == (20,)
    contributions = checkpoints.read(tmp_path / "search" / "weights" / last.examples[0])["contributions"]
    assert contributions.mean() == pytest.approx(assessment.values["mse"])


def checkpoint_after(environment, what, epoch):
    """Train to an epoch; returns the reports and the checkpoint."""
    worker = Worker(environment)
    worker.start(dataclasses.replace(what, pauses=(epoch,)))
    reports, checkpoint = [], None
    while not (reports and reports[-1].epoch == epoch):
        message = worker.advance()
        reports += message.reports
        checkpoint = message.checkpoint or checkpoint
    worker.abandon()
    return reports, checkpoint


def test_it_continues_from_a_checkpoint_as_if_undisturbed(linear, environment):
    noisy = task(linear, recipe={"noise": 0.5}, replicate=0)
    undisturbed, _ = trained(environment(linear), noisy)
    _, checkpoint = checkpoint_after(environment(linear, checkpoint_epochs=1), noisy, 2)
    rest, _ = trained(environment(linear), dataclasses.replace(noisy, checkpoints=(checkpoint,)))
    assert [report.metrics for report in rest] == [report.metrics for report in undisturbed[2:]]


class Framework:
    """Runs the epochs itself, calls back after each, and has checkpoints of its own, as a Trainer has."""

    def __init__(self, model, epochs, after_epoch):
        self.model, self.epochs, self.after_epoch, self.done = model, epochs, after_epoch, 0

    def save(self, folder):
        (folder / "trainer.txt").write_text(f"{self.done} {self.model['w'][0]}")

    def train(self, resume_from=None):
        if resume_from:
            done, weight = (resume_from / "trainer.txt").read_text().split()
            self.done, self.model["w"] = int(done), np.array([float(weight)])
        while self.done < self.epochs:
            self.model["w"] = self.model["w"] * 0.5 + 1 / (1 + self.done)
            self.done += 1
            self.after_epoch(self)


def framework(restores):
    @hpo.trainable(metrics={"mse": "min"})
    def fit(run, data):
        kept = run.folder / "own"
        trainer = Framework(run.build(), run.horizon, lambda trainer: run.report(mse=trainer.model["w"][0]))
        run.track(trainer=(trainer.save, lambda folder: shutil.copytree(folder, kept, dirs_exist_ok=True)))
        trainer.train(resume_from=kept if restores and run.restore() else None)

    fit.build(lambda: {"w": np.ones(1)})
    fit.evaluate(lambda model, dataset: {"mse": model["w"][0]})
    return fit


def test_a_framework_that_runs_the_epochs_continues_from_its_own_checkpoint(environment):
    fit = framework(restores=True)
    what = task(fit, replicate=0)
    undisturbed, _ = trained(environment(fit), what)
    _, checkpoint = checkpoint_after(environment(fit, checkpoint_epochs=1), what, 2)
    rest, _ = trained(environment(fit), dataclasses.replace(what, checkpoints=(checkpoint,)))
    assert [report.metrics for report in undisturbed[2:]] == [report.metrics for report in rest]
    assert [report.epoch for report in rest] == [3, 4]


def test_without_restoring_no_checkpoint_is_written_that_would_begin_anew_unnoticed(environment):
    fit = framework(restores=False)
    reports, checkpoint = checkpoint_after(environment(fit, checkpoint_epochs=1), task(fit, replicate=0), 2)
    assert [report.epoch for report in reports] == [1, 2]
    assert checkpoint is None


def test_what_an_interrupted_training_left_in_its_folder_is_gone_when_it_begins_anew(environment):
    seen = []

    @hpo.trainable(metrics={"mse": "min"})
    def fit(run, data):
        seen.append(sorted(path.name for path in run.folder.iterdir()))
        run.artifact("of epoch 1", "own_checkpoint.txt")
        if restores:
            run.track(model={"w": np.ones(1)})
            run.restore()
        for _ in range(run.horizon):
            run.report(mse=1.0)

    fit.evaluate(lambda model, dataset: {"mse": 1.0})
    restores, what = False, task(fit, replicate=0)
    for _ in range(2):
        checkpoint_after(environment(fit, checkpoint_epochs=1), what, 1)
    restores = True
    _, checkpoint = checkpoint_after(environment(fit, checkpoint_epochs=1), what, 1)
    trained(environment(fit), dataclasses.replace(what, checkpoints=(checkpoint,)))
    assert seen == [[], [], [], ["own_checkpoint.txt"]]


def test_a_function_that_returns_early_has_finished_and_keeps_its_weights(linear, environment):
    early = task(linear, epochs=9, recipe={"stop_after": 2}, keep_weights=True)
    reports, last = trained(environment(linear), early)
    assert len(reports) == 2
    assert last.failure is None
    assert last.finished == "the training ended by its own rule after epoch 2 of 9"
    assert last.weights[0]


def test_a_function_that_never_reports_has_failed(environment):
    @hpo.trainable(metrics={"mse": "min"})
    def fit(run, data): ...

    fit.evaluate(lambda model, dataset: {"mse": 0})
    _, last = trained(environment(fit), task(fit))
    assert last.failure == (Cause.NEVER_REPORTED, "the training ended without a report")


def test_the_seed_of_a_function_has_31_bits_and_depends_on_the_training(environment):
    seeds = []

    @hpo.trainable(metrics={"mse": "min"})
    def fit(run, data):
        seeds.append(run.seed)
        run.track(model={"w": np.zeros(1)})
        for _ in run.epochs():
            run.report(mse=float(np.random.rand()))

    fit.evaluate(lambda model, dataset: {"mse": 0})
    values = [
        [r.metrics["validation/mse"] for r in trained(environment(fit), task(fit, seed=seed))[0]]
        for seed in (7, 7, 2**52 + 1)
    ]
    assert seeds[0] == seeds[1] != seeds[2]
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert values[0] == values[1] != values[2]


@pytest.mark.parametrize(
    ("reported", "text"),
    [
        ({"mse": np.zeros(3)}, r"mse was reported with shape \(3,\).*each of the 20 validation rows"),
        (
            {"mse": 0.1, "mae": np.zeros(20)},
            r"mae was .*none of the declared metrics \(mse\); legal then: one number",
        ),
    ],
)
def test_a_report_of_another_shape_is_an_error(environment, reported, text):
    @hpo.trainable(metrics={"mse": "min"})
    def fit(run, data):
        for _ in run.epochs():
            run.report(reported)

    fit.evaluate(lambda model, dataset: {"mse": 0})
    _, last = trained(environment(fit), task(fit))
    assert last.failure is not None
    with pytest.raises(AssertionError, match=text):
        raise AssertionError(last.failure[1])


def test_one_number_is_a_score_without_rows(linear):
    @hpo.trainable(metrics={"area": "max"})
    def fit(run, data): ...

    fit.build(lambda: torch.nn.Linear(3, 1))
    fit.evaluate(lambda model, dataset: {"area": torch.tensor(0.75)})
    trainable = trainable_of(fit)
    weights = saved("model", torch.nn.Linear(3, 1))
    assessment = assess(trainable, [trainable.load(Recipe({}), weights, INFO)], VALIDATION)
    assert (assessment.values, assessment.rows) == ({"area": 0.75}, {})


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"other": 1.0}, "evaluate returned other; the declared metrics are mse"),
        ({"mse": np.zeros(19)}, r"evaluate returned mse of shape \(19,\); .* each of the 20 rows"),
    ],
)
def test_an_evaluation_of_other_metrics_or_rows_is_refused(values, text):
    @hpo.trainable(metrics={"mse": "min"})
    def fit(run, data): ...

    fit.build(lambda: {"w": np.zeros(1)})
    fit.evaluate(lambda model, dataset: values)
    trainable = trainable_of(fit)
    model = trainable.load(Recipe({}), saved("model", {"w": np.ones(1)}), INFO)
    with pytest.raises(UserError, match=text):
        assess(trainable, [model], VALIDATION)


def test_an_ensemble_evaluates_the_mean_of_the_members_outputs(linear):
    trainable = trainable_of(linear)
    networks = [torch.nn.Linear(3, 1) for _ in range(2)]
    models = [trainable.load(Recipe({}), saved("model", network), INFO) for network in networks]
    mean = np.mean([model.predict(VALIDATION) for model in models], axis=0)
    expected = ((mean - TARGETS[40:]) ** 2).mean()
    assert assess(trainable, models, VALIDATION).values["mse"] == pytest.approx(float(expected))


def test_what_is_missing_is_named():
    @hpo.trainable(metrics={"mse": "min"})
    def fit(run, data): ...

    with pytest.raises(TypeError, match=r"fit has no evaluation; decorate one with @fit.evaluate"):
        trainable_of(fit)
    fit.evaluate(lambda outputs, dataset: {})
    with pytest.raises(TypeError, match=r"evaluate takes outputs, so decorate a function with @fit.predict"):
        trainable_of(fit)


@pytest.mark.parametrize(
    ("metrics", "text"), [({"a": "maximize"}, "legal: max, min"), ({}, "must not be empty")]
)
def test_every_word_of_a_declaration_is_checked(metrics, text):
    with pytest.raises(ValueError, match=text):
        hpo.trainable(metrics=metrics)


def test_artifacts_stay_in_the_trials_folder(environment, tmp_path):
    @hpo.trainable(metrics={"mse": "min"})
    def fit(run, data):
        run.artifact("hello", "notes/first.txt")
        for _ in run.epochs():
            run.report(mse=1.0)

    fit.evaluate(lambda model, dataset: {"mse": 0})
    trained(environment(fit), task(fit, trial=3, replicate=0))
    assert (tmp_path / "search/trials/3-0/notes/first.txt").read_text() == "hello"
