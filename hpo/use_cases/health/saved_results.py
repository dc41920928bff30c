"""Results of `hpo try` and `hpo preflight` in a home: the report page of a later search shows them."""

from __future__ import annotations

import json

from hpo.core.home import Home
from hpo.core.json_values import JsonFields, JsonObject, parsed
from hpo.core.private_files import replace_file
from hpo.core.regular_file import read_regular


def save(home: Home, digest: str, kind: str, body: JsonObject) -> None:
    """Write a result under the digest of its spec, beside those of other kinds.

    Args:
        home: The home.
        digest: Of the spec.
        kind: ``try`` or ``preflight``.
        body: The result.
    """
    path = home.health(digest)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    replace_file(path, json.dumps({**load(home, digest), kind: body}, ensure_ascii=False, allow_nan=False))


def load(home: Home, digest: str) -> JsonFields:
    """Return the results of a spec by kind; empty if there are none or the file is damaged."""
    try:
        body = parsed(read_regular(home.health(digest)))
    except (OSError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}
