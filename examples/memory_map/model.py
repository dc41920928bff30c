"""Signals in one large file: a memory map stays where it is, and only the rows of a batch are read."""

import os
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

import hpo

FILE = Path(__file__).with_name("signals.npy")
ROWS, LENGTH = 4400, 18_000


def write():
    """Write 79 MB of noisy oscillations, int8, each fast or slow: what an experiment would have left."""
    random, time = np.random.default_rng(0), np.arange(LENGTH)
    unfinished = FILE.with_suffix(f".{os.getpid()}")
    signals = np.lib.format.open_memmap(unfinished, "w+", np.int8, (ROWS, LENGTH))
    for row in range(ROWS):
        wave = 20 * np.sin(time / (20 if row % 2 else 30) + random.uniform(0, 6))
        signals[row] = wave + random.integers(-60, 60, LENGTH)
    signals.flush()
    unfinished.rename(FILE)


def signals(part):
    if not FILE.exists():
        write()
    rows = slice(0, ROWS - 400) if part == "development" else slice(ROWS - 400, None)
    return np.load(FILE, mmap_mode="r")[rows], (np.arange(ROWS) % 2)[rows]  # slices are not copied


@hpo.trainable(metrics={"accuracy": "max", "loss": "min"})
def fit(run, data, *, lr=0.01, width=8, batch_size=64):
    model = run.build()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    run.track(optimizer=optimizer)
    for _ in run.epochs():
        model.train()
        for signal, label in DataLoader(data.train, batch_size, shuffle=True):
            optimizer.zero_grad()
            F.cross_entropy(model(signal[:, None] / 64), label).backward()
            optimizer.step()
        run.report(evaluate(model, data.validation))


@fit.build
def build(run):
    width = run.params["width"]
    return nn.Sequential(
        nn.Conv1d(1, width, 65, stride=16),
        nn.ReLU(),
        nn.AdaptiveMaxPool1d(8),
        nn.Flatten(),
        nn.Linear(8 * width, 2),
    )


@fit.evaluate
def evaluate(model, dataset):
    model.eval()
    hits, losses = [], []
    with torch.no_grad():
        for signal, label in DataLoader(dataset, 256):
            outputs = model(signal[:, None] / 64)
            hits.append(outputs.argmax(1) == label)
            losses.append(F.cross_entropy(outputs, label, reduction="none"))
    return {"accuracy": torch.cat(hits), "loss": torch.cat(losses)}
