"""Loads models that `hpo export --to mlflow` registered; each of them names this module.

``mlflow.pyfunc.load_model`` calls `_load_pyfunc`. The weights must be those that were tested, and the
training code in the model's folder must be the recorded one.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from hpo.use_cases.predict import ExportedModel


class ServedModel:
    """A registered model; MLflow calls its `predict`.

    Args:
        model: The model of its recipe.
    """

    def __init__(self, model: ExportedModel):
        self._model = model

    def predict(self, data: NDArray[Any] | pd.DataFrame) -> pd.DataFrame:
        """Predict class or value of each row, with probabilities where the model computes them.

        Args:
            data: An array [n, ...] of inputs, images as uint8, or a table with the model's columns.

        Returns:
            A row for each row of the data: ``predicted``, then ``probability_CLASS`` of each class.

        Raises:
            UserError: If the data is not of the kind that the model was trained on.
            Refused: If these are labelled rows of a test part on record here.
        """
        import pandas as pd

        from hpo.use_cases.predict import rows_as_file

        with rows_as_file(data) as file:
            predictions = self._model.predict(file)
        for warning in predictions.warnings:
            warnings.warn(warning, stacklevel=2)
        return pd.DataFrame(list(predictions.rows()), columns=predictions.head()).drop(columns="row")


def _load_pyfunc(path: str, model_config: Mapping[str, Any] | None = None) -> ServedModel:
    """Open a registered model.

    Args:
        path: Folder of its data.
        model_config: ``changed_code``: whether other packages or code than the recorded ones are accepted.
    """
    from hpo.tracking.model_registry import RECIPE
    from hpo.use_cases.predict import open_model

    changed_code = bool((model_config or {}).get("changed_code", False))
    return ServedModel(open_model(Path(path) / RECIPE, changed_code=changed_code))
