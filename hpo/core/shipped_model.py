"""The shipped model: the one that is tested, exported and used, fixed before the test part is opened.

The spec's ``ship`` chooses one of four kinds:

* ``best``: the best epoch's weights of the winner's first fresh training.
* ``retrained``: the winner trained again, on all development rows, for as many epochs as its
  fresh trainings needed (Goodfellow, Bengio & Courville, "Deep Learning", 2016, algorithm 7.2). It
  has no validation score of its own.
* ``averaged``: the mean of the weights after the last epochs of the winner's first fresh training
  (Izmailov et al., "Averaging weights leads to wider optima and better generalization", UAI 2018).
* ``ensemble``: the mean prediction of the winner's fresh trainings, or of the first one of each of
  the best finalists (Lakshminarayanan et al., "Simple and scalable predictive uncertainty
  estimation using deep ensembles", NeurIPS 2017).
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Literal

from hpo.core import recipe
from hpo.core.events import End, ModelFixed
from hpo.core.fresh_seeds import FreshSeeds
from hpo.core.history import History
from hpo.core.json_values import SpecFields
from hpo.core.training_state import RETRAINED, Key, Training

Kind = Literal["best", "retrained", "averaged", "ensemble"]

ALL = "all"
"""Name of the split that trains on every development row, with no rows left for validation."""

SEEN = "seen"
"""Prefix of metrics on training rows, so that they are not mistaken for validation metrics."""

AVERAGED = "averaged"
"""Prefix of validation metrics of averaged weights."""

LAST_SHARE = 0.25
"""Share of the epochs whose weights are averaged by default, as in stochastic weight averaging."""


@dataclass(frozen=True, slots=True)
class Ship:
    """The spec's choice of shipped model.

    Attributes:
        model: The kind.
        of: Whether an ensemble consists of the winner's ``seeds`` or of the best ``finalists``.
        count: Maximum number of ensemble members; None for all.
        epochs: Last epochs whose weights are averaged; None for a quarter of the epochs.
    """

    model: Kind = "best"
    of: Literal["seeds", "finalists"] = "seeds"
    count: int | None = None
    epochs: int | None = None

    @classmethod
    def from_spec(cls, spec: SpecFields) -> Ship:
        """Return the choice of a spec on record; specs of earlier versions have none."""
        return cls(**(spec.get("ship") or {}))

    def averages(self, horizon: int) -> int:
        """Return the number of last epochs whose weights are averaged; 0 for no averaging."""
        if self.model != "averaged":
            return 0
        return min(horizon, self.epochs or max(1, math.ceil(LAST_SHARE * horizon)))

    def reserves(self, horizon: int) -> int:
        """Return the epochs of the model's own training; 0 if it has none."""
        return horizon if self.model == "retrained" else 0


def retraining(history: History) -> Key | None:
    """Return the training on all rows that makes the model; None without a winner or such a training."""
    spec = _spec(history)
    if history.winner is None or Ship.from_spec(spec).model != "retrained":
        return None
    seeds = int((spec.get("finalists") or {}).get("seeds", 1))
    # Numbered after all replicates a finalist can have, so that an extended search can use those.
    return history.winner.trial, seeds * FreshSeeds.of(spec).trainings_per_seed + 1


def epochs_needed(history: History) -> int:
    """Return the lower median of the winner's best epochs over its fresh trainings."""
    assert history.winner is not None
    counted = [t.counted for t in history.replicates(history.winner.trial) if t.end is End.FINISHED]
    return statistics.median_low(counted)


def to_train(history: History) -> Key | None:
    """Return the training that the model still needs, started or not; None if it needs none."""
    key = retraining(history)
    training = history.trainings.get(key) if key else None
    return key if training is None or training.end is None else None


def all_trained(history: History) -> bool:
    """Return whether nothing is left to train, including the model."""
    return history.over and to_train(history) is None


def model_of(history: History) -> ModelFixed:
    """Return the model that a search ships, from its record alone.

    Args:
        history: A search with a winner and nothing left to train.
    """
    assert history.winner is not None
    kind, members, reason = _chosen(Ship.from_spec(_spec(history)), history)
    entries = [
        {"trial": t.trial, "replicate": t.replicate, "file": t.weights, "sha256": t.sha256} for t in members
    ]
    return ModelFixed(kind, tuple(entries), digest_of([t.sha256 for t in members]), reason)


def digest_of(checksums: list[str]) -> str:
    """Return the digest of a model's weights: its file's SHA-256, or the digest of several files' list."""
    return checksums[0] if len(checksums) == 1 else recipe.digest(checksums)


def members_of(history: History) -> list[Training]:
    """Return the trainings whose weights make up the fixed model."""
    assert history.model is not None
    return [history.trainings[member["trial"], member["replicate"]] for member in history.model.members]


def _chosen(ship: Ship, history: History) -> tuple[Kind, list[Training], str]:
    assert history.winner is not None
    first = history.trainings[history.winner.trial, history.winner.replicate]
    if ship.model == "retrained":
        retrained = history.trainings.get(retraining(history) or first.key, first)
        if retrained.end is End.FINISHED and retrained.origin == RETRAINED:
            epochs = f"{retrained.until} epochs, the median its fresh trainings needed"
            return "retrained", [retrained], f"the winner, trained on all development rows for {epochs}"
        reason = retrained.message.strip().splitlines()[:1] or ["it was not trained"]
        return (
            "best",
            [first],
            f"training on all development rows failed ({reason[0]}); the best checkpoint instead",
        )
    if ship.model == "averaged":
        return (
            "averaged",
            [first],
            "the mean of the last epochs' weights of the winner's first fresh training",
        )
    if ship.model == "ensemble":
        members = (_seeds if ship.of == "seeds" else _finalists)(history)[: ship.count]
        return "ensemble", members, f"the mean prediction of {len(members)} {_described(ship, history)}"
    return "best", [first], "the weights that counted in the winner's first fresh training"


def _described(ship: Ship, history: History) -> str:
    if ship.of == "finalists":
        return "finalists, the first fresh training of each of the best"
    folds = " and folds" if FreshSeeds.of(_spec(history)).folds else ""
    return f"trainings of the winner, its fresh seeds{folds}"


def _seeds(history: History) -> list[Training]:
    """Return the winner's fresh trainings that did not fail, ordered by replicate, not by score."""
    assert history.winner is not None
    trainings = history.replicates(history.winner.trial)
    return sorted((t for t in trainings if t.end is End.FINISHED), key=lambda t: t.replicate)


def _finalists(history: History) -> list[Training]:
    """Return each finalist's first finished fresh training: the winner's, then by mean, best first."""
    assert history.winner is not None
    assert history.finalists is not None
    fresh, up = FreshSeeds.of(_spec(history)), history.objective.rising
    ranked: list[tuple[bool, float, int, Training]] = []
    for rank, trial in enumerate(history.finalists.trials):
        trainings = history.replicates(trial)
        finished = sorted((t for t in trainings if t.end is End.FINISHED), key=lambda t: t.replicate)
        values = [value for value in fresh.by_seed(trainings).values() if math.isfinite(value)]
        if finished and values:
            loses = trial != history.winner.trial
            ranked.append((loses, -up(statistics.fmean(values)), rank, finished[0]))
    return [training for *_, training in sorted(ranked, key=lambda entry: entry[:3])]


def _spec(history: History) -> SpecFields:
    return history.opened.spec if history.opened else {}
