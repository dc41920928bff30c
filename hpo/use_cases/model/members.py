"""The model of a search: fix it on record, read its weights, and rebuild it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.core.errors import UserError
from hpo.core.events import ModelFixed, Warned
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.recipe import Recipe
from hpo.core.shipped_model import Ship, members_of, model_of, to_train
from hpo.core.trainable import Arrays, DataInfo, Model, Trainable
from hpo.ledger.searches import read_history
from hpo.ledger.store import SearchLedger
from hpo.running import checkpoints


@dataclass(frozen=True)
class ModelMember:
    """One training's weights and its recipe."""

    recipe: Recipe
    weights: Arrays


def fix_model(ledger: SearchLedger) -> History:
    """Put on record which weights are the model, unless they already are, and return the history.

    From then on only these weights are tested, exported or used.

    Raises:
        UserError: If the search has no winner yet, or its model is not trained yet.
    """
    history = read_history(ledger)
    if history.winner is None:
        raise UserError(f"{ledger.name} has no winner yet; `hpo resume {ledger.name}` continues it")
    if to_train(history) is not None:
        raise UserError(
            f"the model of {ledger.name} is not trained yet; `hpo resume {ledger.name}` trains it"
        )
    if history.model is not None:
        return history
    model, requested = model_of(history), Ship.from_spec(history.opened.spec if history.opened else {})
    events: list[ModelFixed | Warned] = [model]
    if model.kind != requested.model:
        events.append(Warned(f"ship: {requested.model} was requested; {model.reason}"))
    for recorded in ledger.append(events):
        history.apply(recorded)
    return history


def open_members(home: Home, name: str, history: History) -> tuple[ModelMember, ...]:
    """Read the fixed model's weights and verify their checksums.

    Raises:
        HpoError: If a file is missing or damaged.
    """
    folder = home.search(name).weights
    return tuple(
        ModelMember(
            Recipe(training.recipe), checkpoints.read(folder / Path(training.weights).name, training.sha256)
        )
        for training in members_of(history)
    )


def models_of(trainable: Trainable, members: Sequence[ModelMember], info: DataInfo) -> list[Model]:
    """Return the members of a model, rebuilt from their weights.

    Args:
        trainable: Trainable of the members.
        members: Members of the model, at least one.
        info: Description of the data that they were trained on.
    """
    return [trainable.load(member.recipe, member.weights, info) for member in members]
