"""A process whose training blocks all other threads is ended from outside the interpreter."""

import subprocess
import sys

HELD = """
import re
from hpo.running import watchdog
watchdog.start(60)
watchdog.start(0.2)
{more}
re.match("(a|a)+$", "a" * {length} + "b")
"""


def run(more, length):
    code = HELD.format(more=more, length=length)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


def test_it_ends_a_process_that_never_releases_the_interpreter_lock():
    done = run("", 64)
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert "in match" in done.stderr


def test_it_can_be_cancelled():
    assert run("watchdog.cancel()", 4).returncode == 0
