"""Any data file is read, or refused in a sentence, soon and with bounded memory, and prints nothing raw.

``HOSTILE_DATA=2000 pytest tests/data/test_hostile_data.py -m slow`` reads as many generated tables, arrays
and folders of images; 200 without the variable. A single one: ``echo NUMBER | python -m
tests.data.hostile_reader``.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.hostile_data import FAMILIES

NUMBERS = int(os.environ.get("HOSTILE_DATA", "200"))
LIMIT = 10.0
"""CPU seconds; the machine's other work does not count."""
MEMORY = 500e6
"""Bytes beyond an idle reader."""
LONGEST = 1500
"""Characters of a refusal, which may list several files."""
SLOW = pytest.param(range(len(FAMILIES), NUMBERS), marks=pytest.mark.slow, id="many")
LEAST = 0.1
"""Share of files that are read rather than refused; otherwise the files test nothing but the first check."""


def answers(numbers):
    """What reading the files of these numbers came to."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.data.hostile_reader"]
    given = "".join(f"{number}\n" for number in numbers)
    ran = subprocess.run(command, cwd=root, input=given, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return [json.loads(line) for line in ran.stdout.splitlines()]


def complaint(answer):
    """What is wrong with an answer; nothing if it is as it should be."""
    words = answer["words"]
    if answer["ended"] not in ("read", "refused"):
        return f"{answer['ended']}: {words[-1500:]}"
    if answer["ended"] == "refused" and not 0 < len(words) < LONGEST:
        return f"a sentence of {len(words)} characters"
    if answer["seconds"] > LIMIT or answer["bytes"] > MEMORY:
        return f"{answer['seconds']:.1f} s and {answer['bytes'] / 1e6:.0f} MB"
    raw = [text for text in ("Traceback", "site-packages", 'File "') if text in words]
    return f"raw: {words}" if raw else answer["printed"]


@pytest.mark.timeout(7200)  # a reading has a limit of its CPU time
@pytest.mark.parametrize("numbers", [pytest.param(range(len(FAMILIES)), id="one of each family"), SLOW])
def test_data_files_are_read_or_refused_in_a_sentence(numbers):
    read = answers(numbers)
    assert [answer["number"] for answer in read] == list(numbers)
    wrong = {answer["number"]: complaint(answer) for answer in read if complaint(answer)}
    assert not wrong, wrong
    if len(numbers) > 100:
        assert sum(answer["ended"] == "read" for answer in read) > LEAST * len(numbers)
