"""The data of a search: read once by the custodian, then divided."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.core.home import Home
from hpo.data.custodian import prepare
from hpo.data.prepared import Prepared
from hpo.data.split import Split, split
from hpo.spec.document import Data


@dataclass(frozen=True)
class Material:
    """The data of a search, read and divided.

    Attributes:
        prepared: The development part and what is known of the test part.
        split: Who gets which rows.
    """

    prepared: Prepared
    split: Split

    def facts(self) -> dict[str, Any]:
        """What goes on record."""
        test = self.prepared.test
        return {
            "fingerprint": self.split.fingerprint,
            "data": self.prepared.fingerprint,
            "counts": self.split.counts(),
            "test": {"n": test.n, "fingerprint": test.fingerprint} if test else None,
        }


def material_of(data: Data, base: Path, home: Home) -> Material:
    """Have the data read and divide it.

    Args:
        data: The spec's word on it.
        base: Folder to which relative paths refer.
        home: Where the development part is kept.

    Raises:
        UserError: If the source or the split is at fault.
    """
    prepared = prepare(data.source, data.arguments, home, base)
    roles = {"search": data.search_share}
    if data.final_share is not None:
        roles["final"] = data.final_share
    divided = split(
        prepared.targets(),
        validation=roles,
        seed=data.split_seed,
        stratified=data.stratified,
        groups=prepared.groups(),
        times=prepared.times(),
        classes=prepared.info.classes,
    )
    return Material(prepared, divided)
