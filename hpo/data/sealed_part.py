"""Open the test part. Only the process that scores the winner calls this, after its claim."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import Refused
from hpo.core.json_values import SpecFields
from hpo.core.temporary_folders import temporary_folder
from hpo.core.trainable import Examples
from hpo.data.prepared import TestManifest, mapped
from hpo.data.recorded_cuts import paths_as_recorded
from hpo.data.source_reading import check_source_arguments
from trainables.data.digests import KEYED, is_comparable, overlap, set_digest
from trainables.parts import data_sources


def open_test(
    source: str,
    arguments: SpecFields,
    base: Path,
    expected: TestManifest,
    cut: Path | None = None,
    key: bytes | None = None,
) -> Examples:
    """Read the test part and check that it is the one that was sealed.

    Args:
        source: The source it was prepared from.
        arguments: The arguments it was prepared with.
        base: Folder that relative paths start from.
        expected: The test part on record since the search was opened. Its file of digests only
            serves the message; it may be missing, or belong to newer data.
        cut: File of the cut on record, `Prepared.cut_file`; None for the first cut.
        key: Secret of the test-use register; targets that were sealed under another key are not compared.

    Raises:
        Refused: If the test data changed since it was sealed.
        UserError: If the source can no longer be read.
    """
    check_source_arguments(source, arguments)
    with temporary_folder("test-") as scratch:
        paths = paths_as_recorded(base, scratch, cut, expected.digests.parent)
        content = data_sources.open_source(source, arguments, paths).test()
    if content is None:
        raise Refused(f"data: {source} had a test part when the search was opened, but has none now")
    digests = content.digests()
    if len(content) != expected.n or set_digest(digests) != expected.fingerprint:
        raise Refused(
            f"data: the test part of {source} changed since it was sealed: it had {expected.n} "
            f"examples and now has {len(content)}{_left(expected, digests)}. Restore the data, or "
            "start a new search on it."
        )
    secret = key if KEYED in expected.targets else None
    now = content.labelled_digest(digests, secret)
    same = expected.targets in ("", now)
    if not same and content.originals is not None:  # earlier versions did not include them
        same = expected.targets == content.labelled_digest(digests, secret, originals=False)
    if is_comparable(expected.targets, key) and not same:
        values = "targets" if content.originals is None else "targets or original images"
        raise Refused(
            f"data: the {values} of the test part of {source} changed since it was sealed: the fingerprint "
            f"of its rows with them was {_end_of(expected.targets)} and is {_end_of(now)}. Restore the data, "
            "or start a new search on it."
        )
    return Examples(
        content.inputs,
        content.targets,
        np.arange(len(content)),
        content.info,
        content.groups,
        content.times,
        content.originals,
    )


def _end_of(digest: str) -> str:
    return digest.rpartition(KEYED)[2][:16]


def _left(expected: TestManifest, digests: NDArray[np.uint64]) -> str:
    if not expected.digests.exists():
        return ""
    former = mapped(expected.digests)
    if set_digest(former) != expected.fingerprint:
        return ""
    return f"; {overlap(former, digests):.1%} of the original examples are still present"
