"""A command as the class interface; see `hpo.core.trainable` and `hpo.core.command`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpo.core.command import ScriptCommand, filled
from hpo.core.errors import NoPredictions, UserError
from hpo.core.grammar import Grammar
from hpo.core.recipe import Recipe
from hpo.core.seeds import derive
from hpo.core.trainable import Array, Arrays, Context, DataInfo, Examples, Metric, Model
from trainables.commands.running_command import RunningCommand
from trainables.functions.run import SEED_BITS
from trainables.functions.saved_state import file_arrays, write_files

PREFIX = "validation/"


@dataclass(frozen=True)
class CheckpointModel:
    """What a command leaves at ``{resume}``, file by file.

    Attributes:
        recipe: The recipe that it was trained with.
        path: Where it is; None if only its content is known.
        content: Its content as arrays; empty to read the path.
    """

    recipe: Recipe
    path: Path | None = None
    content: Arrays | None = None

    def weights(self) -> Arrays:
        """Return the present content as arrays."""
        if self.content is not None:
            return self.content
        assert self.path is not None
        return file_arrays(self.path)

    def predict(self, examples: Examples) -> Array:
        """Refuse: a command returns no outputs.

        Raises:
            NoPredictions: Always.
        """
        raise NoPredictions("a command cannot predict; run your own script on the exported checkpoint")


class CommandTrainable:
    """Trains and evaluates by running commands.

    Args:
        command: The command.
        base: Folder in which it runs: the spec's.

    Attributes:
        grammar: What recipes can contain.
        metrics: What the command reports.
    """

    def __init__(self, command: ScriptCommand, base: Path):
        self.grammar: Grammar = command.grammar
        self.metrics: tuple[Metric, ...] = command.declared
        self._command, self._base = command, base

    def train(self, recipe: Recipe, train: Examples, validation: Examples, context: Context) -> None:
        """Run the command; see `hpo.core.trainable.Trainable`."""
        folder = context.folder.absolute()
        folder.mkdir(parents=True, exist_ok=True)
        model = CheckpointModel(recipe, folder / self._command.checkpoint)
        resumed = self._restored(model, context)
        with tempfile.TemporaryDirectory(prefix="hpo-rows-") as scratch:
            parts = {"train": train, "validation": validation}
            values = self._values(recipe, Path(scratch), parts) | {
                "resume": str(model.path),
                "folder": str(folder),
                "epochs": context.horizon,
                "seed": derive(context.seed, "user") % 2**SEED_BITS,
                "device": context.device,
                "threads": context.threads,
                "trial": context.trial,
                "replicate": context.replicate,
            }
            arguments = filled(self._command.arguments, values, "" if resumed else "resume")
            with self._running(arguments, context.threads) as running:
                self._follow(running, model, context)

    def load(self, recipe: Recipe, weights: Arrays, info: DataInfo) -> Model:
        """Return the checkpoint with its content."""
        return CheckpointModel(recipe, content=weights)

    def evaluate(self, models: Sequence[Model], examples: Examples) -> Mapping[str, Array | float]:
        """Return every metric that the command `evaluate` reports for a checkpoint.

        Raises:
            UserError: If there is no such command, or it reports something else.
        """
        (model,) = models
        assert isinstance(model, CheckpointModel)
        if not self._command.evaluate:
            raise UserError("trainable.evaluate is missing: without it no checkpoint can be scored")
        with tempfile.TemporaryDirectory(prefix="hpo-rows-") as scratch:
            folder = Path(scratch)
            (folder / "files").mkdir()
            path = folder / "files" / self._command.checkpoint
            write_files(path, model.weights())
            values = self._values(model.recipe, folder / "rows", {"": examples}) | {
                "resume": str(path),
                "folder": str(folder / "files"),
                "epochs": None,
                "seed": 0,
                "device": "cpu",
                "threads": 1,
                "trial": 0,
                "replicate": 0,
            }
            with self._running(filled(self._command.evaluate, values), 1) as running:
                reports = list(running.reports())
        if not reports:
            raise UserError("the command `evaluate` ended without a report")
        return self._declared(reports[-1])

    def _follow(self, running: RunningCommand, model: CheckpointModel, context: Context) -> None:
        """Pass on a report for each epoch."""
        reports = running.reports(lambda: bool(getattr(context, "stopping", False)))
        for epoch in context.epochs():
            values = next(reports, None)
            if values is None:
                return  # it has ended by its own rule, or the training was asked to stop
            if epoch == context.horizon:
                running.answer()
                running.finish()
            metrics = self._metrics(values)
            context.report(metrics, model, model.weights if self._command.resumes else None)

    def _metrics(self, values: Mapping[str, Any]) -> dict[str, float]:
        declared = self._declared(values)
        scores = {PREFIX + name: float(np.mean(value)) for name, value in declared.items()}
        return {name: float(np.mean(v)) for name, v in values.items() if name not in declared} | scores

    def _declared(self, values: Mapping[str, Any]) -> dict[str, Any]:
        names = [metric.name for metric in self.metrics]
        if missing := [name for name in names if name not in values]:
            reported = ", ".join(values) or "nothing"
            raise UserError(
                f"the command reported {reported}, without {', '.join(missing)}, which it declares"
            )
        return {name: np.asarray(values[name], np.float64) for name in names}

    def _running(self, arguments: Sequence[str], threads: int) -> RunningCommand:
        command, metrics = self._command, list(self._command.metrics)
        return RunningCommand(arguments, self._base, metrics, command.pattern, command.grace_seconds, threads)

    def _restored(self, model: CheckpointModel, context: Context) -> bool:
        """Put the checkpoint where the command finds it; return whether there is one."""
        assert model.path is not None
        if model.path.is_dir():
            shutil.rmtree(model.path)
        model.path.unlink(missing_ok=True)
        state = context.restored()
        if state is None:
            return False
        write_files(model.path, state)
        return True

    def _values(self, recipe: Recipe, folder: Path, parts: Mapping[str, Examples]) -> dict[str, Any]:
        """Return the recipe's values and the folder of the rows, which is written if the command reads it."""
        values = recipe.to_dict()
        if not self._command.reads_rows:
            return values
        for name, examples in parts.items():
            part = folder / name
            part.mkdir(parents=True, exist_ok=True)
            np.save(part / "inputs.npy", examples.inputs[examples.rows])
            np.save(part / "targets.npy", examples.targets[examples.rows])
        return {**values, "data": str(folder)}
