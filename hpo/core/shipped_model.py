"""What a search ships: the one model that is tested, exported and used, fixed before the test is opened.

Four kinds, as a spec's ``ship`` says:

* ``best``: the weights that counted in the winner's first fresh training.
* ``retrained``: the winner trained once more, on all development rows, for as many epochs as its
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
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hpo.core import recipe
from hpo.core.events import End, ModelFixed
from hpo.core.fresh_seeds import FreshSeeds
from hpo.core.history import RETRAINED, History, Key, Training

Kind = Literal["best", "retrained", "averaged", "ensemble"]

ALL = "all"
"""Name of the split that trains on every development row and has nothing to validate on."""

SEEN = "seen"
"""Metrics on rows that were trained on are ``seen/<metric>``, so that nobody takes them for more."""

AVERAGED = "averaged"
"""Validation metrics of averaged weights are ``averaged/<metric>``."""

LAST_SHARE = 0.25
"""Share of the epochs whose weights are averaged by default, as in stochastic weight averaging."""


@dataclass(frozen=True, slots=True)
class Ship:
    """What a spec says of it.

    Attributes:
        model: The kind.
        of: Whether an ensemble is of the winner's ``seeds`` or of the best ``finalists``.
        count: Members of an ensemble at most; None for all there are.
        epochs: Last epochs whose weights are averaged; None for a quarter of them.
    """

    model: Kind = "best"
    of: Literal["seeds", "finalists"] = "seeds"
    count: int | None = None
    epochs: int | None = None

    @classmethod
    def asked(cls, spec: Mapping[str, Any]) -> Ship:
        """What a spec on record asks for; older ones say nothing."""
        return cls(**(spec.get("ship") or {}))

    def averages(self, horizon: int) -> int:
        """How many last epochs' weights are averaged; 0 if none are."""
        if self.model != "averaged":
            return 0
        return min(horizon, self.epochs or max(1, math.ceil(LAST_SHARE * horizon)))

    def reserves(self, horizon: int) -> int:
        """Epochs of its own training, if it takes one."""
        return horizon if self.model == "retrained" else 0


def retraining(history: History) -> Key | None:
    """Which training makes the model once there is a winner; None if none does."""
    spec = _spec(history)
    if history.winner is None or Ship.asked(spec).model != "retrained":
        return None
    said = spec.get("finalists") or {}
    # Behind all that finalists can have, so that an extended search finds its numbers free.
    return history.winner.trial, int(said.get("seeds", 1)) * FreshSeeds.of(spec).each + 1


def epochs_needed(history: History) -> int:
    """Epochs after which the winner's fresh trainings counted: the lower median."""
    assert history.winner is not None
    counted = [t.counted for t in history.replicates(history.winner.trial) if t.end is End.FINISHED]
    return statistics.median_low(counted)


def to_train(history: History) -> Key | None:
    """The training that the model still waits for, started or not."""
    key = retraining(history)
    training = history.trainings.get(key) if key else None
    return key if training is None or training.end is None else None


def all_trained(history: History) -> bool:
    """Whether nothing is left to train, the model included."""
    return history.over and to_train(history) is None


def model_of(history: History) -> ModelFixed:
    """The model that a search ships, from its record alone.

    Args:
        history: The search, with its winner named and nothing left to train.
    """
    assert history.winner is not None
    kind, members, reason = _chosen(Ship.asked(_spec(history)), history)
    said = [
        {"trial": t.trial, "replicate": t.replicate, "file": t.weights, "sha256": t.sha256} for t in members
    ]
    return ModelFixed(kind, tuple(said), digest_of([t.sha256 for t in members]), reason)


def digest_of(checksums: list[str]) -> str:
    """What stands for a model's weights: their file's SHA-256, or of several, that of the list."""
    return checksums[0] if len(checksums) == 1 else recipe.digest(checksums)


def members_of(history: History) -> list[Training]:
    """The trainings whose weights make the fixed model."""
    assert history.model is not None
    return [history.trainings[each["trial"], each["replicate"]] for each in history.model.members]


def _chosen(ship: Ship, history: History) -> tuple[Kind, list[Training], str]:
    assert history.winner is not None
    first = history.trainings[history.winner.trial, history.winner.replicate]
    if ship.model == "retrained":
        again = history.trainings.get(retraining(history) or first.key, first)
        if again.end is End.FINISHED and again.origin == RETRAINED:
            epochs = f"{again.until} epochs, the median its fresh trainings needed"
            return "retrained", [again], f"the winner, trained on all development rows for {epochs}"
        why = again.message.strip().splitlines()[:1] or ["it was not trained"]
        return (
            "best",
            [first],
            f"training on all development rows failed ({why[0]}); the best checkpoint instead",
        )
    if ship.model == "averaged":
        return (
            "averaged",
            [first],
            "the mean of the last epochs' weights of the winner's first fresh training",
        )
    if ship.model == "ensemble":
        members = (_seeds if ship.of == "seeds" else _finalists)(history)[: ship.count]
        return "ensemble", members, f"the mean prediction of {len(members)} {_named(ship, history)}"
    return "best", [first], "the weights that counted in the winner's first fresh training"


def _named(ship: Ship, history: History) -> str:
    if ship.of == "finalists":
        return "finalists, the first fresh training of each of the best"
    folds = " and folds" if FreshSeeds.of(_spec(history)).folds else ""
    return f"trainings of the winner, its fresh seeds{folds}"


def _seeds(history: History) -> list[Training]:
    """The winner's fresh trainings that did not fail, in their order and not in that of their scores."""
    assert history.winner is not None
    every = history.replicates(history.winner.trial)
    return sorted((t for t in every if t.end is End.FINISHED), key=lambda t: t.replicate)


def _finalists(history: History) -> list[Training]:
    """The first sound fresh training of each finalist: the winner's, then by their means, best first."""
    assert history.winner is not None
    assert history.finalists is not None
    fresh, up = FreshSeeds.of(_spec(history)), history.objective.rising
    ranked: list[tuple[bool, float, int, Training]] = []
    for place, trial in enumerate(history.finalists.trials):
        trainings = history.replicates(trial)
        sound = sorted((t for t in trainings if t.end is End.FINISHED), key=lambda t: t.replicate)
        values = [value for value in fresh.by_seed(trainings).values() if math.isfinite(value)]
        if sound and values:
            loses = trial != history.winner.trial
            ranked.append((loses, -up(statistics.fmean(values)), place, sound[0]))
    return [training for *_, training in sorted(ranked, key=lambda each: each[:3])]


def _spec(history: History) -> Mapping[str, Any]:
    return history.opened.spec if history.opened else {}
