"""Compare a warm-up that is given in optimizer steps with the steps of a full training.

How many steps a training has depends on its rows. Those of the shipped data sets are known from their
names, so that a warm-up that never ends is a fault with its line; for other data the comparison waits
until it is read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hpo.core.grammar import Grammar
from hpo.core.json_values import RecipeFields
from hpo.core.space import Space
from hpo.spec.conflicts import drawn_recipes, field_path
from hpo.spec.data_fields import Data
from hpo.spec.faults import Faults
from hpo.spec.fields import Document
from hpo.spec.interface import shipped
from hpo.spec.search_spec import SearchSpec


@dataclass(frozen=True, slots=True)
class LongWarmup:
    """A warm-up that some or all trials cannot finish.

    Attributes:
        steps: Optimizer steps of the longest training that the space allows.
        always: Whether every trial has it.
    """

    steps: int
    always: bool

    @property
    def reason(self) -> str:
        """What is wrong, a clause without a final period."""
        return (
            f"warmup.length: is longer than the training, which has {self.steps:,} steps at most and then "
            "never reaches its learning rate"
        )

    @property
    def refusal(self) -> str:
        """The same with the legal choices."""
        return f"{self.reason}; legal: fewer steps, or a warm-up in epochs or per cent"

    @property
    def warning(self) -> str:
        """The same where only some trials have it."""
        return f"{self.reason}; some trials can draw that"


def long_warmup(
    space: Space, fixed: RecipeFields, grammar: Grammar, horizon: int, rows: int
) -> LongWarmup | None:
    """Return the warm-up that is longer than the training; None if no trial has one.

    Args:
        space: The space.
        fixed: The fixed recipe.
        grammar: What a recipe can contain; that of a shipped trainable.
        horizon: Epochs of a full training.
        rows: Rows of the training part.
    """
    longest, longer = 0, []
    for values in drawn_recipes(space, fixed, grammar, horizon):
        steps = horizon * math.ceil((values.get("epoch_examples") or rows) / values["batch_size"])
        longer.append(values["warmup"] == "steps" and values["warmup.length"] > steps)
        longest = max(longest, steps)
    return LongWarmup(longest, all(longer)) if any(longer) else None


def check_warmup(document: Document, space: Space, grammar: Grammar, horizon: int, faults: Faults) -> None:
    """Report a warm-up in steps that is longer than the training, if the data's rows are known.

    Args:
        document: The spec; one that is on record only gets a warning.
        space: Its space.
        grammar: What a recipe can contain.
        horizon: Epochs of a full training.
        faults: Collects the faults.
    """
    fixed, data = document.recipe, document.data
    if development_rows(data.source) is None or not can_be_in_steps(document.trainable, fixed, space):
        return
    overrun = long_warmup(space, fixed, grammar, horizon, training_rows(data))
    if overrun is None:
        return
    if not overrun.always:
        faults.warn(overrun.warning)
    elif document.base is not None:
        faults.warn(overrun.reason)
    else:
        faults.add(field_path(("warmup.length", "warmup"), fixed, space), overrun.refusal)


def training_rows(data: Data) -> int:
    """Return the rows of the training part of a shipped data set."""
    share = 1 - data.search_share - (data.final_share or 0.0)
    return math.ceil(round(share * (development_rows(data.source) or 0), 9))


def development_rows(source: str) -> int | None:
    """Return the rows of a shipped data set's development part; None if they are known by reading alone."""
    from trainables.parts.data_sources import DEVELOPMENT_ROWS  # not before a folder of that name is refused

    return DEVELOPMENT_ROWS.get(source)


def unread_warning(spec: SearchSpec) -> str | None:
    """Return what to do where a warm-up in steps cannot be compared before the data is read; else None."""
    rows_are_known = development_rows(spec.data.source) is not None
    if rows_are_known or not can_be_in_steps(spec.trainable, spec.recipe, spec.space):
        return None
    return (
        "warmup.length: is in steps, and how many the training has depends on the rows of the data, which "
        "were not read; `hpo check --data` compares them, and so does `hpo submit` before it starts"
    )


def can_be_in_steps(trainable: str, fixed: RecipeFields, space: Space) -> bool:
    """Return whether a shipped trainable's recipes can have a warm-up in steps."""
    if trainable not in shipped():
        return False
    if "warmup" in space.by_name:
        return space.by_name["warmup"].domain.contains("steps")
    chosen = fixed.get("warmup", "none")
    return bool((chosen.get("name") if isinstance(chosen, Mapping) else chosen) == "steps")
