"""A cluster that this process cannot join is refused in a sentence before anything is on record."""

import json
import os
import platform
import subprocess
import sys

import pytest
import ray

from hpo.core.errors import NoCluster
from hpo.running.cluster_entry import require_same_versions

HERE = {"ray_version": ray.__version__, "python_version": platform.python_version()}


class Head:
    """Answers as the store of a head does, which holds what the head wrote when it started."""

    def __init__(self, **metadata):
        self._metadata = json.dumps({"os": "linux", **HERE, **metadata}).encode() if metadata else None

    def internal_kv_get(self, key, namespace=None, timeout=None):
        return self._metadata


def test_a_head_of_the_same_versions_or_without_its_record_of_them_is_entered():
    require_same_versions(Head(git_commit="abc"), "10.0.0.1:6379")
    require_same_versions(Head(), "10.0.0.1:6379")


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"python_version": "3.9.1"}, f"has Python 3.9.1 and Ray {ray.__version__}, and this process Python"),
        ({"ray_version": "2.1.0"}, f"has Python {platform.python_version()} and Ray 2.1.0, and this process"),
    ],
)
def test_another_python_or_ray_is_refused_with_both_versions(metadata, words):
    with pytest.raises(NoCluster, match=r"at 10\.0\.0\.1:6379 .*; install the same versions") as refused:
        require_same_versions(Head(**metadata), "10.0.0.1:6379")
    assert words in str(refused.value)


@pytest.mark.parametrize("variables", [{"RAY_AUTH_TOKEN_PATH": "/nowhere/token"}, {"HOME": "/nowhere"}])
def test_a_token_that_is_missing_is_a_sentence_and_not_the_end_of_the_process(variables):
    code = (
        "from hpo.core.errors import NoCluster\n"
        "from hpo.running.cluster_reading import cluster_nodes\n"
        "try: cluster_nodes('127.0.0.1:1')\n"
        "except NoCluster as error: print(error)\n"
    )
    environment = {name: text for name, text in os.environ.items() if not name.startswith("RAY_AUTH")}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "RAY_AUTH_MODE": "token", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "there is no token for the Ray cluster at 127.0.0.1:1: " in ran.stdout
    assert "legal: RAY_AUTH_MODE=token, with RAY_AUTH_TOKEN_PATH or RAY_AUTH_TOKEN" in ran.stdout
