"""Libraries keep to a number of threads, also those that are imported after the first limit."""

import subprocess
import sys

CODE = """
from threadpoolctl import threadpool_info
from hpo.running.thread_limits import limited_threads

with limited_threads(1):
    before = len(threadpool_info())
import sklearn.cluster, torch
torch.set_num_threads(2)
for _ in range(2):
    with limited_threads(1):
        pools = threadpool_info()
        assert len(pools) > before, pools
        assert {pool["num_threads"] for pool in pools} == {1}, pools
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
"""


def test_libraries_imported_later_are_limited_too():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
