"""The decorator `hpo.trainable`: a training function becomes an object of the class interface.

::

    @hpo.trainable(metrics={"accuracy": "max", "loss": "min"})
    def fit(run, data, *, lr=1.0, batch_size=64): ...

    @fit.build
    def build(run): ...

    @fit.evaluate
    def evaluate(run, model, dataset): ...

Whatever loads a trainable asks such a function for the trainable that it stands for
(`hpo.core.trainable.trainable_of`); nothing else in the service knows that it was a function.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from hpo.core.grammar import Grammar
from hpo.core.objective import Mode
from hpo.core.trainable import Metric
from trainables.functions.function_trainable import CombiningFunctionTrainable, FunctionTrainable
from trainables.functions.run import Functions
from trainables.functions.signature import grammar_of

Function = TypeVar("Function", bound=Callable[..., Any])

OUTPUTS = "outputs"
"""Name of the second parameter of an ``evaluate`` that scores outputs instead of a model."""


def trainable(
    metrics: Mapping[str, Mode] | Sequence[Metric],
) -> Callable[[Callable[..., Any]], TrainingFunction]:
    """Make a trainable of a training function.

    Args:
        metrics: What ``evaluate`` returns: by name the direction of each metric, ``max`` or ``min``; or
            metrics. The first one is the default objective.

    Raises:
        ValueError: If a direction is neither ``max`` nor ``min``, or there are no metrics.
        TypeError: If the function's signature is not a grammar; see `grammar_of`.
    """
    declared = (
        tuple(Metric(name, mode) for name, mode in metrics.items())
        if isinstance(metrics, Mapping)
        else tuple(metrics)
    )
    if not declared:
        raise ValueError("metrics must not be empty: the first is the default objective")
    return lambda function: TrainingFunction(function, declared)


class TrainingFunction:
    """A training function with the functions that belong to it; called, it is itself.

    Attributes:
        grammar: The hyperparameters that its signature declares.
        metrics: What its evaluation returns.
    """

    def __init__(self, function: Callable[..., Any], metrics: tuple[Metric, ...]):
        self.grammar: Grammar = grammar_of(function)
        self.metrics = metrics
        self.__doc__, self.__name__ = function.__doc__, function.__name__
        self.__module__, self.__wrapped__ = function.__module__, function
        self._build: Callable[..., Any] | None = None
        self._evaluate: Callable[..., Any] | None = None
        self._predict: Callable[..., Any] | None = None
        self._parts: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the training function as it was written."""
        return self.__wrapped__(*arguments, **named)

    def build(self, function: Function) -> Function:
        """Decorate ``build(run)``, or ``build()``, which makes the untrained model."""
        self._build = function
        return function

    def evaluate(self, function: Function) -> Function:
        """Decorate ``evaluate(run, model, dataset)``, which returns every metric.

        For each metric it returns the value of every row, [n], whose mean is the score; or one number,
        for which there is no interval. With a parameter ``outputs`` instead of ``model`` it is given
        what ``predict`` returned for the data set, of an ensemble the mean over the members. A function
        that does not need the run leaves ``run`` out: ``evaluate(model, dataset)``.
        """
        self._evaluate = function
        return function

    def predict(self, function: Function) -> Function:
        """Decorate ``predict(run, model, dataset)``, which returns outputs [n, ...]."""
        self._predict = function
        return function

    def parts(self, function: Function) -> Function:
        """Decorate ``parts(run, data)``, which shows the network to `hpo preflight` before its first step.

        It returns a `trainables.health.parts.TrainingParts`: network, loss, a batch, optimizer.
        """
        self._parts = function
        return function

    def as_trainable(self) -> FunctionTrainable:
        """Return the trainable that the functions make together.

        Raises:
            TypeError: If a function is missing that the others need.
        """
        name = self.__name__
        if self._evaluate is None:
            raise TypeError(f"{name} has no evaluation; decorate one with @{name}.evaluate")
        takes_outputs = OUTPUTS in list(inspect.signature(self._evaluate).parameters)[:2]
        if takes_outputs and self._predict is None:
            raise TypeError(f"{name}: evaluate takes outputs, so decorate a function with @{name}.predict")
        functions = Functions(
            self.__wrapped__,
            self._build and _with_run(self._build, 0),
            _with_run(self._evaluate, 2),
            self._predict and _with_run(self._predict, 2),
            takes_outputs,
            self._parts,
        )
        kind = CombiningFunctionTrainable if takes_outputs else FunctionTrainable
        return kind(self.grammar, self.metrics, functions)


def _with_run(function: Callable[..., Any], others: int) -> Callable[..., Any]:
    """Return a function of the run and ``others`` more, whether or not the given one takes the run."""
    required = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    if len(required) > others:
        return function
    return lambda run, *arguments: function(*arguments)
