"""Which trainings the weights of a shipped model come from, as values."""

from __future__ import annotations

from dataclasses import dataclass

from hpo.core.json_values import JsonObject, RecipeFields, fields_of


@dataclass(frozen=True, slots=True)
class NamedScore:
    """A score and the metric that it is of; NaN if it was not recorded."""

    metric: str
    value: float


@dataclass(frozen=True, slots=True)
class ShippedMember:
    """One training whose weights belong to the shipped model.

    Attributes:
        trial: Its trial.
        replicate: Its replicate.
        seed: Of its randomness.
        split: Name of the split that it trained on.
        until: Epochs after which it ended; None for a full training.
        averages: Number of last epochs whose weights were averaged; 0 if none were.
        file: Name of the weights' file.
        sha256: Of that file.
        score: Score by which a new training is compared with this one.
        recipe: What it trained; None if that is the winner's recipe.
    """

    trial: int
    replicate: int
    seed: int
    split: str
    until: int | None
    averages: int
    file: str
    sha256: str
    score: NamedScore
    recipe: RecipeFields | None = None

    def to_json(self) -> JsonObject:
        """Return the fields; the recipe only where it is another than the winner's."""
        shown = fields_of(self)
        if self.recipe is None:
            del shown["recipe"]
        return shown


@dataclass(frozen=True, slots=True)
class ShippedModel:
    """What is tested, exported and used.

    Attributes:
        kind: ``best``, ``retrained``, ``averaged`` or ``ensemble``.
        reason: How it came about, in a sentence.
        digest: Of its weights.
        folder: Where the weights are.
        members: The trainings that it consists of.
    """

    kind: str
    reason: str
    digest: str
    folder: str
    members: tuple[ShippedMember, ...]
