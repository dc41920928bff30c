"""The model of a search: fixed on record, opened from its files, asked as one."""

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
from hpo.core.trainable import Array, Arrays, Combines, DataInfo, Examples, Trainable
from hpo.ledger.searches import read_history
from hpo.ledger.store import SearchLedger
from hpo.running import checkpoints


@dataclass(frozen=True)
class ModelMember:
    """One training's weights with the recipe that they belong to."""

    recipe: Recipe
    weights: Arrays


def fix_model(ledger: SearchLedger) -> History:
    """Put on record which weights are the model, unless they are; the history with it.

    From then on nothing but these weights is tested, exported or used.

    Raises:
        UserError: If the search has no winner yet, or its model is still to be trained.
    """
    history = read_history(ledger)
    if history.winner is None:
        raise UserError(f"{ledger.name} has no winner yet; `hpo resume {ledger.name}` goes on with it")
    if to_train(history) is not None:
        raise UserError(
            f"the model of {ledger.name} is still to be trained; `hpo resume {ledger.name}` does it"
        )
    if history.model is not None:
        return history
    model, asked = model_of(history), Ship.asked(history.opened.spec if history.opened else {})
    said: list[ModelFixed | Warned] = [model]
    if model.kind != asked.model:
        said.append(Warned(f"ship: {asked.model} was asked; {model.reason}"))
    for recorded in ledger.append(said):
        history.apply(recorded)
    return history


def open_members(home: Home, name: str, history: History) -> tuple[ModelMember, ...]:
    """Read the fixed model's weights, each held against its checksum.

    Raises:
        HpoError: If a file is missing or is not what was written.
    """
    folder = home.search(name).weights
    return tuple(
        ModelMember(
            Recipe(training.recipe), checkpoints.read(folder / Path(training.weights).name, training.sha256)
        )
        for training in members_of(history)
    )


def outputs_of(
    trainable: Trainable, members: Sequence[ModelMember], info: DataInfo, examples: Examples
) -> Array:
    """What a model says of examples: its only member, or all of them together.

    Args:
        trainable: That of the members.
        members: At least one.
        info: Of the data that they were trained on.
        examples: Rows of the same kind of data.
    """
    each = [trainable.load(one.recipe, one.weights, info).predict(examples) for one in members]
    if len(each) == 1:
        return each[0]
    assert isinstance(trainable, Combines)
    return trainable.combine(each)
