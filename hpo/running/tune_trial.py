"""A training as a Tune trial, without what Tune looks up and creates on disk for every one of its trials."""

from __future__ import annotations

from ray.train._internal.storage import StorageContext
from ray.tune import PlacementGroupFactory
from ray.tune.experiment import Trial

from hpo.core.ports import TrainingTask
from hpo.running.environment import TrainingEnvironment
from hpo.running.ray_actor import TrainingActor

NAME = "hpo-training"
"""Name of the training code, as Tune's messages show it."""

FOLDER = "trial"
"""Folder in Tune's storage that a worker creates when it starts; it stays empty."""


class TuneTrial(Trial):
    """A task with the search's environment.

    Tune would ask the cluster's server three times whether the training code exists, and create a folder
    for each trial.

    Args:
        environment: What all trainings have in common.
        task: What to train.
        number: Running number among the trials of this process.
        resources: What its worker holds.
        storage: Folder for Tune's own files.
    """

    def __init__(
        self,
        environment: TrainingEnvironment,
        task: TrainingTask,
        number: int,
        resources: PlacementGroupFactory,
        storage: StorageContext,
    ):
        super().__init__(
            NAME,
            config={"environment": environment, "task": task},
            trial_id=f"{number}-{task.trial}-{task.replicate}",
            storage=storage,
            placement_group_factory=resources,
            stub=True,  # does not look the training code up
        )

    def get_trainable_cls(self) -> type[TrainingActor]:
        """Return the training code."""
        return TrainingActor

    @property
    def local_path(self) -> str | None:
        """Nothing, so that Tune writes no files about errors, which are on record."""
        return None

    def init_local_path(self) -> None:
        """Name the folder for workers, and create none here."""
        self.storage.trial_dir_name = FOLDER
