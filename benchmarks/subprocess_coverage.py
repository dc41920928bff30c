"""Plugin of pytest that measures the processes which tests start, under the name of the test.

`benchmarks.mutation cover` uses it; `HPO_COVERAGE_CONFIG` names the configuration of these processes.
"""

from __future__ import annotations

import os


def pytest_runtest_setup() -> None:
    """Have processes measure themselves that are started from here on; pytest's own workers do it already."""
    os.environ["COVERAGE_PROCESS_START"] = os.environ["HPO_COVERAGE_CONFIG"]
