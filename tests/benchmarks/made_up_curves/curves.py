"""Curves that a formula makes up: a learning rate with a cliff, a slow start for small ones, noise."""

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Param:
    name: str
    low: float
    high: float
    log: bool = False
    integer: bool = False


@dataclass(frozen=True)
class Curve:
    valid: np.ndarray
    test: np.ndarray
    seconds: np.ndarray


@dataclass(frozen=True)
class MadeUpTask:
    name: str
    best_rate: float
    epochs: int = 27
    space: tuple[Param, ...] = (
        Param("learning_rate", 1e-6, 1e1, log=True),
        Param("weight_decay", 1e-7, 1e0, log=True),
        Param("width", 4, 512, log=True, integer=True),
        Param("mix", 0.0, 1.0),
        Param("nothing", 0.0, 1.0),
    )

    def replay(self):
        return self.curve

    def curve(self, config):
        text = repr(sorted(config.items()))
        rng = np.random.default_rng(int(hashlib.sha256(text.encode()).hexdigest()[:8], 16))
        off = np.log10(config["learning_rate"] / self.best_rate)
        floor = 0.2 + 0.05 * off**2 + 0.02 * np.log10(config["weight_decay"] / 1e-3) ** 2
        floor += 0.3 * (config["mix"] - 0.7) ** 2 + 0.1 / np.sqrt(config["width"] / 4)
        pace = 0.15 * 10 ** (0.3 * min(off, 0.5))
        fall = 1 - np.exp(-pace * np.arange(1, self.epochs + 1))
        clean = 1.5 - (1.5 - min(floor, 1.5)) * fall
        valid = clean + 0.01 * rng.standard_normal(self.epochs)
        if off > 1.2:
            valid[2:] = np.nan
        return Curve(valid, clean, np.full(self.epochs, 1.0 + config["width"] / 512))


def tasks(root):
    return [MadeUpTask("madeup-usual", 2e-3), MadeUpTask("madeup-unusual", 1e-1)]
