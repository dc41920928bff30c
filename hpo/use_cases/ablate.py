"""What each component of a recipe is worth: the recipe with one of them off at a time.

A real search over a handful of points, on validation data alone. Every variant is trained on the
same fresh seeds, so a difference is a mean over pairs and luck that both share falls out of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hpo.core.errors import UserError
from hpo.core.fresh_seeds import FreshSeeds
from hpo.core.history import History, Training
from hpo.core.home import Home
from hpo.core.outcome import Outcome, Watcher
from hpo.ledger.searches import open_ledger, read_history
from hpo.selection.intervals import LEVEL, mean_interval, spread
from hpo.spec.ablation import ablation_document
from hpo.spec.recipe_files import read_recipe
from hpo.use_cases.resume import resume_search
from hpo.use_cases.submit import submit_search

TAG = "ablation of"
"""Label of a search that is one."""


@dataclass(frozen=True, slots=True)
class AblationRow:
    """One variant of the recipe.

    Attributes:
        component: What is off, by its dotted name; empty for the recipe as it is.
        own: What the recipe says of it.
        off: What the variant says.
        mean: Of the objective over fresh seeds; NaN if none of the trainings succeeded.
        std: Standard deviation over them (n - 1); NaN for one.
        n: Fresh seeds that succeeded.
        difference: Mean over seeds of the variant's value minus the recipe's; NaN without a pair.
        low: Lower end of its 95 % interval; NaN for a single pair.
        high: Upper end.
        clear: Whether the difference is none of luck, all the table's differences taken together
            (Bonferroni, 95 %).
        failure: Why the variant could not be trained; empty if it could.
    """

    component: str
    own: Any
    off: Any
    mean: float
    std: float
    n: int
    difference: float
    low: float
    high: float
    clear: bool
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Ablation:
    """How it ended.

    Attributes:
        search: Its name.
        metric: What is compared, on validation data.
        mode: ``max`` or ``min``.
        rows: The recipe as it is, then each variant.
    """

    search: str
    metric: str
    mode: str
    rows: tuple[AblationRow, ...]

    def to_json(self) -> dict[str, Any]:
        """As a JSON value."""
        return asdict(self)


def run_ablation(
    recipe: Path,
    *,
    home: Home,
    seeds: int = 5,
    components: Sequence[str] = (),
    settings: Sequence[str] = (),
    name: str | None = None,
    address: str | None = None,
    watch: Watcher | None = None,
) -> Outcome:
    """Train a recipe and its variants; the test part stays sealed.

    Args:
        recipe: A recipe file; what it says of its data, split and objective holds.
        home: Where everything is kept.
        seeds: Fresh seeds for each variant.
        components: What to switch off, by dotted name; all there is by default.
        settings: ``key=value`` for other fields of the search.
        name: What to call it.
        address: A Ray cluster.
        watch: Told of every event.

    Raises:
        UserError: If something typed or written is wrong; nothing has started then.
        Interrupted: If a signal stopped it; it can be resumed as any search.
    """
    if seeds < 2:
        raise UserError(f"--seeds {seeds}: a difference needs a spread; legal: 2 and more")
    spec = ablation_document(read_recipe(recipe), recipe, seeds=seeds, only=components, settings=settings)
    tags = {TAG: str(recipe)}
    return submit_search(spec, home=home, name=name, tags=tags, unseal=False, address=address, watch=watch)


def is_over(name: str, *, home: Home) -> bool:
    """Whether an ablation has come to its end.

    Raises:
        UserError: If there is no such search, or it is none.
    """
    return _read(name, home).status == "done"


def resume_ablation(
    name: str, *, home: Home, address: str | None = None, watch: Watcher | None = None
) -> Outcome:
    """Take up an ablation that was interrupted.

    Raises:
        UserError: If there is no such search, or it is none.
    """
    _read(name, home)
    return resume_search(name, home=home, unseal=False, address=address, watch=watch)


def ablation_table(name: str, *, home: Home) -> Ablation:
    """What an ablation has found so far.

    Raises:
        UserError: If there is no such search, or it is none.
    """
    history = _read(name, home)
    objective = history.objective
    return Ablation(name, objective.metric, objective.mode, tuple(_rows(history)))


def _read(name: str, home: Home) -> History:
    if not home.is_used:
        raise UserError(f"{name} is no recipe file, and {home.root} holds no search of that name")
    history = read_history(open_ledger(name, home))
    assert history.opened is not None
    if TAG not in history.opened.tags:
        raise UserError(f"{name} is a search, but no ablation; `hpo best {name}` shows its end")
    return history


def _rows(history: History) -> list[AblationRow]:
    """The baseline and each variant of one component; trials that were added are none of them."""
    assert history.opened is not None
    fresh = FreshSeeds.of(history.opened.spec)
    if not history.trials:
        return []
    base, *others = history.trials
    changes = [_changed(base.point, each.point) for each in others]
    variants = [(name[0], each) for name, each in zip(changes, others, strict=True) if len(name) == 1]
    reference = fresh.by_seed(history.replicates(base.trial))
    rows = [_row("", base, base, reference, {}, 1)]
    for name, each in variants:
        values = fresh.by_seed(history.replicates(each.trial))
        rows.append(_row(name, base, each, values, reference, len(variants)))
    return rows


def _changed(base: Mapping[str, Any], point: Mapping[str, Any]) -> list[str]:
    """What two points say differently; what exists in one alone follows from that."""
    return [name for name in base if name in point and base[name] != point[name]]


def _row(
    name: str,
    base: Training,
    own: Training,
    values: Mapping[int, float],
    reference: Mapping[int, float],
    together: int,
) -> AblationRow:
    sound = [value for value in values.values() if math.isfinite(value)]
    differences = (values[seed] - reference[seed] for seed in values if seed in reference)
    pairs = [each for each in differences if math.isfinite(each)]
    level = spread(sound) if sound else None
    each = mean_interval(pairs) if pairs else None
    sure = mean_interval(pairs, 1 - (1 - LEVEL) / together) if pairs else None
    return AblationRow(
        component=name,
        own=base.point.get(name),
        off=own.point.get(name),
        mean=level.mean if level else math.nan,
        std=level.std if level else math.nan,
        n=len(sound),
        difference=each.value if each else math.nan,
        low=each.low if each else math.nan,
        high=each.high if each else math.nan,
        clear=bool(sure and (sure.low > 0 or sure.high < 0)),
        failure="" if sound or own.cause is None else own.cause.value,
    )
