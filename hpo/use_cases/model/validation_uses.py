"""Count how often validation rows were used, across all searches of a register.

Every trial that is scored on some rows makes them a little less unseen: a later search of the same data
chooses ranges, models and seeds knowing what scored well there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hpo.core.errors import HpoError
from hpo.core.events import SearchOpened, ValidationRowsUsed, Warned
from hpo.core.recipe import digest
from hpo.data.validation_rows import share_in_common, sketch_of
from hpo.ledger.register import Register, Use
from hpo.ledger.searches import read_history
from hpo.ledger.store import SearchLedger
from hpo.spec import SearchSpec
from hpo.use_cases.dataset.register_access import open_register
from hpo.use_cases.dataset.split_dataset import SplitDataset
from hpo.use_cases.model.register_policy import is_exempt, who

SAME_SHARE = 0.4
"""Estimated share in common from which validation rows are the same; two of a row's cells may differ."""


@contextmanager
def use_counted(spec: SearchSpec, dataset: SplitDataset, ledger: SearchLedger) -> Iterator[None]:
    """Record that a search uses its validation rows, how many other searches did before, and its trials.

    Practice data is not counted. A register that cannot be used gives a warning: the count is lost, not the
    search.
    """
    if is_exempt(spec.data, dataset.prepared):
        yield
        return
    try:
        _count(dataset, ledger)
    except HpoError as error:
        ledger.append([Warned(f"uses of these validation rows are not counted: {error}")])
        yield
        return
    try:
        yield
    finally:
        with suppress(HpoError):  # the next session of this search counts them
            register = open_register()
            register.record_use(_use(dataset, ledger, register))


def _count(dataset: SplitDataset, ledger: SearchLedger) -> None:
    register = open_register()
    ours = _use(dataset, ledger, register)
    others = [use for use in register.uses() if _is_other(use, ours)]
    register.record_use(ours)
    used = ValidationRowsUsed(len(others), sum(use.trials for use in others), register.location)
    if others and read_history(ledger).used_before != used:
        ledger.append([used])


def _is_other(use: Use, ours: Use) -> bool:
    return use.key != ours.key and share_in_common(use.rows, ours.rows) > SAME_SHARE


def _use(dataset: SplitDataset, ledger: SearchLedger, register: Register) -> Use:
    (opened,) = ledger.read(kinds=[SearchOpened])
    assert isinstance(opened.event, SearchOpened)
    return Use(
        key=digest([ledger.name, opened.time, opened.event.digest]),
        search=ledger.name,
        by=who(),
        trials=len(read_history(ledger).trials),
        rows=sketch_of(dataset.prepared, dataset.split.validation, register.key),
    )
