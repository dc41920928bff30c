import platform
import subprocess
import sys

import pytest

STEPS = """
import resource
import torch
from trainables.freed_memory import keep_freed_memory

keep_freed_memory()
def step():
    for _ in range(2):
        blocks = [torch.ones(2 << 20) for _ in range(3)]
        del blocks
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGES = 10 * 2 * 3 * (8 << 20) // 4096
"""Of the blocks of all measured steps. Without the call, two thirds of them are faulted in again."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's limits are raised")
def test_memory_of_a_step_is_not_faulted_in_again_by_the_next_one() -> None:
    command = [sys.executable, "-c", STEPS]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(done.stdout) < PAGES / 4
