"""What a training function sees of its training: the model, the epochs, and a channel for reports."""

from __future__ import annotations

import logging
import random
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpo.core.distributed import Distributed
from hpo.core.errors import NoPredictions, UserError
from hpo.core.recipe import Recipe
from hpo.core.seeds import derive
from hpo.core.trainable import Array, Arrays, Context, DataInfo, Examples
from trainables.functions import saved_state
from trainables.functions.datasets import Dataset

SEED_BITS = 31
"""NumPy's and Lightning's seeds end at 32 bits; a seed on record has 53."""

MODEL = "model"
"""Name under which the model is tracked."""


@dataclass(frozen=True)
class Functions:
    """The functions of a trainable.

    Attributes:
        fit: Trains: takes the run, the data and every hyperparameter by name.
        build: Makes the untrained model of a run; None if there is no such function.
        evaluate: Returns every metric of a run's model, or of outputs, on a data set.
        predict: Returns a model's outputs for a data set, [n, ...]; None if there is no such function.
        takes_outputs: Whether ``evaluate`` takes what ``predict`` returned instead of the model.
        parts: Shows the network before its first step; None if there is no such function.
    """

    fit: Callable[..., Any]
    build: Callable[[Run], Any] | None
    evaluate: Callable[[Run, Any, Dataset], Mapping[str, Any]]
    predict: Callable[[Run, Any, Dataset], Any] | None
    takes_outputs: bool
    parts: Callable[[Run, Any], Any] | None = None


class Run:
    """One training, or the use of its weights afterwards.

    Args:
        functions: The functions of the trainable.
        recipe: The complete recipe.
        info: Description of the data.
        context: The training; None where weights are used.
        summarize: Turns an evaluation into one number for each metric.

    Attributes:
        params: The hyperparameters by name.
        info: Description of the data: shape, classes, columns.
        seed: Seed of this training, below 2**31.
        device: ``cpu`` or ``cuda``; after the training always ``cpu``.
        threads: Threads that the training uses.
        horizon: Epochs of a full training.
        trial: Number of the trial.
        replicate: 0 in the search phase, 1 and up on fresh seeds.
        folder: Folder of this training's own files.
        distributed: The place of this process if several train the trial together, one on each of its GPUs:
            ``rank``, ``world_size``, ``local_rank`` and ``device``; None for a single process. torch's
            process group exists. Every process calls `report`; only that of rank 0 is recorded.
        logger: Its messages are in the trial's log.
    """

    def __init__(
        self,
        functions: Functions,
        recipe: Recipe,
        info: DataInfo,
        context: Context | None = None,
        summarize: Callable[[Mapping[str, Any]], Mapping[str, float]] = dict,
    ):
        self.functions, self._context, self._summarize = functions, context, summarize
        self._tracked: dict[str, Any] = {}
        self._tracks = self._restored = False
        self._folder: Path | None = context.folder if context else None
        self.params: Mapping[str, Any] = recipe.to_dict()
        self.info = info
        self.seed = derive(context.seed, "user") % 2**SEED_BITS if context else 0
        self.device = context.device if context else "cpu"
        self.threads = context.threads if context else 1
        self.horizon = context.horizon if context else 0
        self.trial = context.trial if context else 0
        self.replicate = context.replicate if context else 0
        self.distributed: Distributed | None = getattr(context, "distributed", None)
        self.logger = logging.getLogger("hpo.training")

    @property
    def folder(self) -> Path:
        """Folder of this training's own files.

        Raises:
            UserError: Outside a training.
        """
        if self._folder is None:
            raise UserError("run.folder exists only while a recipe is trained")
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    def build(self) -> Any:
        """Return the model that `@fit.build` makes, on this run's device, and track it.

        Raises:
            UserError: If there is no such function.
        """
        if self.functions.build is None:
            raise UserError("run.build() needs a function with @NAME.build; or use run.track(model=...)")
        model = self.functions.build(self)
        if callable(getattr(model, "to", None)) and callable(getattr(model, "state_dict", None)):
            model = model.to(self.device)
        self._tracked[MODEL] = model
        return model

    @property
    def model(self) -> Any:
        """The tracked model.

        Raises:
            UserError: If there is none.
        """
        if MODEL not in self._tracked:
            raise UserError("there is no model yet: call run.build(), or run.track(model=...)")
        return self._tracked[MODEL]

    def track(self, **objects: Any) -> None:
        """Save these objects in checkpoints, so that an interrupted training continues with their states.

        The model of `build` is tracked anyway; without a call of `track` an interrupted training starts
        from the beginning, as it does with a ``lightgbm.Booster``. Objects are restored when the first epoch
        of `epochs` or `steps` begins, or by `restore`; where neither is called, no checkpoint is written.

        Args:
            objects: By name: anything with ``state_dict`` and ``load_state_dict``, a booster with
                ``save_model`` and ``load_model``, an estimator of scikit-learn or LightGBM, a mapping of
                arrays, or a pair of functions (save, load), each of which takes a folder. ``model`` is the
                model.
        """
        self._tracked |= objects
        self._tracks = True

    def restore(self) -> bool:
        """Restore what is tracked from the last checkpoint; return whether there is one.

        For a framework that runs the epochs itself: call it after `track` and before the training begins,
        and report from a callback of the framework. `epochs` and `steps` restore by themselves.
        """
        arrays = self._training.restored()
        if arrays is not None and not self._restored:
            self._restore(arrays)
        self._restored = True
        return arrays is not None

    def epochs(self) -> Iterator[int]:
        """Yield the epochs to train, counted from 1; report in each of them.

        Random numbers of Python, NumPy and torch are seeded at the beginning of each epoch, so that a
        training that continues draws the same ones as one that was not interrupted.
        """
        context = self._training
        self.restore()
        for epoch in context.epochs():
            seed_everything(derive(context.seed, "user", epoch) % 2**SEED_BITS)
            yield epoch

    def steps(self, report_every: int) -> Iterator[int]:
        """Yield the steps to train, counted from 1; report in every ``report_every``-th of them.

        ``report_every`` steps are one epoch for the scheduler.
        """
        for epoch in self.epochs():
            yield from range((epoch - 1) * report_every + 1, epoch * report_every + 1)

    def report(self, values: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """Report the end of an epoch; does not return if the trial is stopped.

        Args:
            values: What ``evaluate`` returned for the validation rows: for each metric one number, or the
                value of every row. Other names, such as ``train/loss``, are recorded as they are.
            more: More values.

        Raises:
            UserError: If a value is not a number or has another number of rows than validation.
        """
        metrics = self._summarize({**(values or {}), **more})
        continues = self._tracks and self._restored  # one that is not restored would begin anew, unnoticed
        checkpoints = continues and all(map(saved_state.can_continue, self._tracked.values()))
        self._training.report(metrics, TrackedModel(self), self._states if checkpoints else None)

    def artifact(self, content: Any, name: str) -> Path:
        """Keep a file, a text or a matplotlib figure in the trial's folder; returns its path.

        Args:
            content: Path of a file to copy, a text, or an object with ``savefig``.
            name: Name of the file in the folder, such as ``confusion.png``.

        Raises:
            UserError: If the name leads out of the folder.
        """
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise UserError(f"artifact {name!r} is outside the trial's folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(getattr(content, "savefig", None)):
            content.savefig(path)
        elif isinstance(content, Path):
            shutil.copyfile(content, path)
        else:
            path.write_text(str(content), encoding="utf-8")
        return path

    def load(self, arrays: Arrays) -> Any:
        """Build the model and restore its weights."""
        model = self.functions.build(self) if self.functions.build else None
        self._tracked[MODEL] = saved_state.restored(MODEL, model, arrays)
        return self._tracked[MODEL]

    @property
    def _training(self) -> Context:
        if self._context is None:
            raise UserError("run.epochs() and run.report() are for the training function alone")
        return self._context

    def _states(self) -> Arrays:
        return {
            f"{name}/{key}": array
            for name, tracked in self._tracked.items()
            for key, array in saved_state.saved(name, tracked).items()
        }

    def _restore(self, arrays: Arrays) -> None:
        for name, tracked in self._tracked.items():
            start = f"{name}/"
            arrays_of_part = {
                key.removeprefix(start): a for key, a in arrays.items() if key.startswith(start)
            }
            if arrays_of_part:
                self._tracked[name] = saved_state.restored(name, tracked, arrays_of_part)


@dataclass(frozen=True)
class TrackedModel:
    """The model of a run; see `hpo.core.trainable.Model`."""

    run: Run

    def weights(self) -> Arrays:
        """Return the model's state as arrays."""
        return saved_state.saved(MODEL, self.run.model)

    def predict(self, examples: Examples) -> Array:
        """Return what `@fit.predict` returns for examples, as an array [n, ...].

        Raises:
            NoPredictions: If there is no such function.
            UserError: If it returned another number of rows.
        """
        predict = self.run.functions.predict
        if predict is None:
            raise NoPredictions(
                "predictions need a function decorated with @fit.predict, where fit is the training function"
            )
        outputs = as_array(predict(self.run, self.run.model, Dataset(examples)))
        if outputs.ndim == 0 or len(outputs) != len(examples):
            raise UserError(f"predict returned an array of shape {outputs.shape} for {len(examples)} rows")
        return outputs


def as_array(value: Any) -> Any:
    """Return a tensor, a list or a number as a numpy array."""
    return np.asarray(value.detach().cpu().float().numpy() if hasattr(value, "detach") else value)


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and, if it is imported, torch's global random numbers."""
    random.seed(seed)
    np.random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
