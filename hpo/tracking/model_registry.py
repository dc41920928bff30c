"""Registers a model in MLflow's model registry, as files that no pickle is in.

A version is a folder with a recipe, safetensors weights and the user's own code; MLflow loads it as a
pyfunc through `hpo.mlflow_model`. It is written through MLflow's client alone, so that the tracking
address that a notebook has set stays as it is.
"""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.core.errors import HpoError, UserError
from hpo.core.trainable import DataInfo
from hpo.tracking.client_store import as_unreachable, quiet_client
from hpo.tracking.run_changes import ID_TAG, PARENT, RUN_TAG
from hpo.tracking.target import Target

LOADER = "hpo.mlflow_model"
"""Module that loads registered models; its name is in every one of them."""

RECIPE = "recipe.yaml"
"""File of the recipe in a registered model's data."""

DIGEST_TAG = "hpo.weights"
"""Tag of a version: digest of the model's weights."""

REFUSED = re.compile(r"[/:'\"\\\x00-\x1f]")
"""Characters that names of registered models cannot have in MLflow, or that its filters cannot quote."""

MOST_CHARACTERS = 250
"""Of a name."""


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A version of a registered model.

    Attributes:
        name: Name of the registered model.
        version: Its number, from 1.
        digest: Of its weights.
        is_new: False if these weights of this search were registered before.
    """

    name: str
    version: int
    digest: str
    is_new: bool

    @property
    def uri(self) -> str:
        """The address under which MLflow loads it."""
        return f"models:/{self.name}/{self.version}"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model to register.

    Attributes:
        path: Folder with the recipe, its weights and the user's own code.
        search_id: Id of its search in MLflow.
        experiment: Experiment of the search.
        digest: Of the weights.
        info: Description of the data that it was trained on.
        versions: Versions of Python and of the packages that it was trained with, by name.
        tags: Further tags of the version.
        description: Shown by MLflow, in Markdown.
    """

    path: Path
    search_id: str
    experiment: str
    digest: str
    info: DataInfo
    versions: Mapping[str, str]
    tags: Mapping[str, str]
    description: str


def name_of(experiment: str) -> str:
    """Return the name of an experiment as a name that MLflow's registry accepts."""
    return REFUSED.sub("-", experiment)[:MOST_CHARACTERS]


def require_name(name: str) -> None:
    """Refuse a name that MLflow's registry does not accept.

    Raises:
        UserError: If so.
    """
    if not name.strip() or len(name) > MOST_CHARACTERS or REFUSED.search(name):
        raise UserError(
            f"--model {name[:80]!r}: legal are 1 to {MOST_CHARACTERS} characters without /, :, \\ and quotes"
        )


def register(model: ModelFolder, name: str, target: Target) -> RegisteredModel:
    """Add a version to a registered model, or return the version that these weights have.

    Args:
        model: The model.
        name: Name of the registered model; created if missing.
        target: Where the search is shown.

    Raises:
        Unreachable: If MLflow does not answer.
        HpoError: If the search is not in MLflow.
    """
    with as_unreachable():
        client = quiet_client(target.uri)
        number = _registered(client, model, name)
        if number:
            return RegisteredModel(name, number, model.digest, is_new=False)
        experiment, run = _run_of(client, model)
        logged = _logged(client, model, experiment, run)
        _create(client, name)
        version = client.create_model_version(
            name,
            # Without a server MLflow looks `models:/` up at the process-wide tracking address.
            f"models:/{logged.model_id}" if target.is_server else logged.artifact_location,
            run_id=run,
            tags={
                ID_TAG: model.search_id,
                DIGEST_TAG: model.digest,
                **{f"versions.{package}": version for package, version in model.versions.items()},
                **model.tags,
            },
            description=model.description,
            model_id=logged.model_id,
        )
        return RegisteredModel(name, int(version.version), model.digest, is_new=True)


def requirements(versions: Mapping[str, str]) -> list[str]:
    """Return the packages of a training as pip names them, without local versions such as ``+cpu``."""
    return [
        f"{package}=={version.partition('+')[0]}"
        for package, version in versions.items()
        if package != "python"
    ]


def _registered(client: Any, model: ModelFolder, name: str) -> int:
    """Return the newest version that has these weights of this search; 0 without one."""
    versions = client.search_model_versions(f"name = '{name}'")
    same = [
        int(version.version)
        for version in versions
        if (version.tags.get(ID_TAG), version.tags.get(DIGEST_TAG)) == (model.search_id, model.digest)
    ]
    return max(same, default=0)


def _run_of(client: Any, model: ModelFolder) -> tuple[str, str]:
    """Return the ids of the search's experiment and of its run."""
    experiment = client.get_experiment_by_name(model.experiment)
    query = f"tags.`{ID_TAG}` = '{model.search_id}' and tags.`{RUN_TAG}` = '{PARENT}'"
    runs = client.search_runs([experiment.experiment_id], query) if experiment else []
    if not runs:
        raise HpoError(f"the search is not in MLflow's experiment {model.experiment}")
    return str(experiment.experiment_id), str(runs[0].info.run_id)


def _logged(client: Any, model: ModelFolder, experiment: str, run: str) -> Any:
    """Write the model to MLflow's artifacts and return MLflow's record of it."""
    from mlflow.entities import LoggedModelOutput

    logged = client.create_logged_model(
        experiment, name="shipped_model", source_run_id=run, tags={DIGEST_TAG: model.digest}
    )
    try:
        with tempfile.TemporaryDirectory(prefix="hpo-register-") as scratch, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own type hints, and that there is no input example
            _save(model, Path(scratch) / "model", logged, run)
            client.log_model_artifacts(logged.model_id, str(Path(scratch) / "model"))
    except BaseException:
        client.finalize_logged_model(logged.model_id, "FAILED")
        raise
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run, [LoggedModelOutput(logged.model_id, 0)])
    return logged


def _save(model: ModelFolder, folder: Path, logged: Any, run: str) -> None:
    from mlflow.models import Model
    from mlflow.pyfunc import save_model

    save_model(
        folder,
        loader_module=LOADER,
        data_path=str(model.path),
        mlflow_model=Model(logged.artifact_location, run, model_id=logged.model_id),
        signature=_signature(model.info),
        pip_requirements=requirements(model.versions),
        model_config={"changed_code": False},
    )


def _signature(info: DataInfo) -> Any:
    """Return what the model takes: named columns of any type, or images; None for other data."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec
    from mlflow.types.schema import AnyType

    if info.kind == "image":
        return ModelSignature(Schema([TensorSpec(np.dtype(np.uint8), (-1, *info.shape))]))
    if info.kind == "table" and info.columns:
        # MLflow's own types refuse whole numbers in a column of doubles; the model reads them itself.
        return ModelSignature(Schema([ColSpec(AnyType(), column) for column in info.columns]))
    return None


def _create(client: Any, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
