"""Trainables for tests of trainings in several processes; every process opens them by name."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from sklearn.datasets import load_breast_cancer, load_digits

import hpo
from hpo.core.home import SearchFolder
from hpo.core.objective import Objective
from hpo.core.ports import TrainingTask
from hpo.core.trainable import DataInfo, Examples, trainable_of
from hpo.running.environment import OpenedStage, TrainingData, TrainingEnvironment
from hpo.running.worker import Worker
from trainables.registry import SHIPPED

DIGITS = DataInfo("image", "classification", (8, 8, 1), tuple("0123456789"))


@hpo.trainable(metrics={"ranks": "max"})
def add_ranks(run, data, *, mishap="none"):
    """Reports the sum of the ranks of all processes, and the state that a checkpoint held."""
    run.track(model={"epochs": np.zeros(())})
    place = run.distributed
    for epoch in run.epochs():
        total = torch.tensor(float(place.rank if place else 0) + 1)
        _mishap(mishap, epoch, place, run.folder)
        if place:
            dist.all_reduce(total)
        print(f"epoch {epoch} in process {place.rank if place else 0}")
        world = place.world_size if place else 1
        run.report(ranks=float(total), world=world, launcher=int(os.environ.get("WORLD_SIZE", "1")))


@add_ranks.evaluate
def evaluate(run, model, dataset):
    return {"ranks": 0.0}


def _mishap(kind, epoch, place, folder):
    if kind == "error in rank 0" and place.rank == 0 and epoch == 2:
        raise ValueError("the mistake of rank 0")
    if kind == "memory" and place.rank == 1 and epoch == 2:
        raise MemoryError
    if kind == "killed" and place.rank == 1 and epoch == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "killed once" and place.rank == 1 and epoch == 2 and _first_time(folder.parent):
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "killed, and rank 0 does not notice" and epoch == 2:
        if place.rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        while not (folder / "goes on").exists():
            time.sleep(0.05)


def _first_time(folder: Path) -> bool:
    try:
        (folder / "was killed").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def open_ranks():
    rows = np.zeros((4, 1), np.float32)
    examples = Examples(rows, rows[:, 0], np.arange(4), DataInfo("array", "regression", (1,)))
    return OpenedStage(trainable_of(add_ranks), lambda split: TrainingData(examples, examples))


def open_digits():
    found = load_digits()
    images = (found.images * (255 / 16)).astype(np.uint8)[..., None]
    labels = found.target.astype(np.int64)
    order = np.random.default_rng(0).permutation(len(images)).astype(np.int64)
    train, validation = (Examples(images, labels, rows, DIGITS) for rows in (order[:301], order[301:501]))
    return OpenedStage(SHIPPED["image_classifier"].load(), lambda split: TrainingData(train, validation))


def open_table():
    found = load_breast_cancer()
    names = tuple(map(str, found.feature_names))
    info = DataInfo("table", "classification", (30,), ("malignant", "benign"), names)
    inputs, labels = found.data.astype(np.float32), found.target.astype(np.int64)
    order = np.random.default_rng(0).permutation(len(inputs)).astype(np.int64)
    train, validation = (Examples(inputs, labels, rows, info) for rows in (order[:301], order[301:]))
    return OpenedStage(SHIPPED["tabular"].load(), lambda split: TrainingData(train, validation))


def environment(opened, folder, processes=2, metric="ranks", **settings):
    return TrainingEnvironment(
        opened, SearchFolder(folder), Objective(metric, "max"), processes=processes, **settings
    )


def task(recipe, epochs=4, **fields):
    return TrainingTask(
        **{"trial": 0, "replicate": 0, "recipe": recipe, "seed": 5, "horizon": epochs, **fields}
    )


def train(worker: Worker, what):
    """Train to the end; returns the reports and the last message."""
    worker.start(what)
    reports = []
    for _ in range(200):
        message = worker.advance()
        reports += message.reports
        if message.failure or message.lost or (reports and reports[-1].epoch == what.horizon):
            return reports, message
    raise AssertionError("the training did not end")
