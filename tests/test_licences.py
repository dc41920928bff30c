"""Whatever is installed with hpo may be used by everybody: no dependency is under the GPL or the AGPL."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent

PERMISSIVE = re.compile(
    r"\b(MIT(-0|-CMU)?|0?BSD|Apache|PSF|Python Software Foundation|ISC|ISCL|Zlib|CC0|Unlicense|HPND)\b", re.I
)
FILE_BY_FILE = re.compile(r"\b(MPL|Mozilla Public License|LGPL)\b", re.I)
"""Changes of the library itself stay under its licence; what uses it does not come under it."""

REFUSED = re.compile(
    r"\bA?GPL|Affero|(?<!Lesser )(?<!Library )General Public License|SSPL|BUSL|Commons Clause", re.I
)

WITHOUT_METADATA = {"huey": "MIT", "skops": "MIT"}
"""Licences of packages that name none in their metadata, from the licence files beside them."""


def requirements():
    """Everything that `pip install .[all extras]` asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [text for texts in project["optional-dependencies"].values() for text in texts]
    return [Requirement(text) for text in (*project["dependencies"], *extras)]


def installed():
    """Names of all distributions that these need here, directly or not."""
    seen, waiting = set(), requirements()
    while waiting:
        wanted = waiting.pop()
        applies = [
            wanted.marker is None or wanted.marker.evaluate({"extra": extra})
            for extra in ("", *wanted.extras)
        ]
        key = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if key in seen or not any(applies):
            continue
        seen.add(key)
        for text in metadata.distribution(wanted.name).requires or ():
            needed = Requirement(text)
            if needed.marker is None or any(
                needed.marker.evaluate({"extra": e}) for e in ("", *wanted.extras)
            ):
                needed.marker = None
                waiting.append(needed)
    return sorted({name for name, _ in seen})


def licence(name):
    """What a distribution says about its licence, without the text of it."""
    about = metadata.metadata(name)
    classifiers = [text for text in about.get_all("Classifier") or () if text.startswith("License ::")]
    first = next(iter((about.get("License") or "").strip().splitlines()), "")
    texts = [about.get("License-Expression") or "", *classifiers, first]
    return WITHOUT_METADATA.get(name) or "; ".join(filter(None, texts))


NAMES = installed()


@pytest.mark.parametrize("name", NAMES)
def test_a_dependency_may_be_used_by_everybody(name):
    text = licence(name)
    alternatives = text.split(" OR ")
    assert any(
        (PERMISSIVE.search(part) or FILE_BY_FILE.search(part))
        and not REFUSED.search(FILE_BY_FILE.sub("", part))
        for part in alternatives
    ), f"{name}: {text!r}"


@pytest.mark.parametrize(("name", "expected"), WITHOUT_METADATA.items())
def test_a_licence_that_is_not_in_the_metadata_is_in_a_file(name, expected):
    files = [file for file in metadata.files(name) or () if re.search(r"licen[cs]e|copying", file.name, re.I)]
    texts = [file.locate().read_text() for file in files]
    assert any("Permission is hereby granted, free of charge" in text for text in texts), expected


@pytest.mark.parametrize(
    "text", ["GPL-3.0-only", "AGPL-3.0", "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"]
)
def test_a_refused_licence_is_noticed(text):
    assert REFUSED.search(FILE_BY_FILE.sub("", text))


def test_every_dependency_has_a_pinned_version():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line}
    assert set(NAMES) <= pinned
