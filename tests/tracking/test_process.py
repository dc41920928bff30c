import os
import subprocess
import sys

from hpo.tracking.process import Leash

CHILD = """
import os, signal
from hpo.tracking.process import Leash, settle
settle()
print(os.nice(0), signal.getsignal(signal.SIGINT) is signal.SIG_IGN, oct(os.umask(0)), flush=True)
leash = Leash()
while not leash.dropped():
    leash.wait(60)
print("dropped", flush=True)
"""


def test_a_leash_is_dropped_when_its_holder_lets_go() -> None:
    reading, writing = os.pipe()
    leash = Leash(reading)
    leash.wait(0.01)
    assert not leash.dropped()
    os.close(writing)
    leash.wait(60)
    assert leash.dropped()
    leash.wait(0)
    assert leash.dropped()
    os.close(reading)


def test_a_process_ends_with_the_one_that_started_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline().split()[1:] == ["True", "0o77"]
        child.stdin.close()
        assert child.stdout.readline() == "dropped\n"
        assert child.wait(timeout=60) == 0
