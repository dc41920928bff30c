"""A full disk is reported in one clear sentence; too little space is reported before anything starts."""

import errno
import os
import shutil
from collections import namedtuple

import pytest

from hpo.core.errors import DiskFull, HpoError
from hpo.core.home import Home
from hpo.use_cases.search import disk_space

Usage = namedtuple("Usage", "total used free")


def test_too_little_disk_space_is_refused_with_the_amount(tmp_path, monkeypatch):
    home = Home.at(tmp_path)
    disk_space.require_disk_space(home, 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2**30, 0, 20 * 2**20))
    disk_space.require_disk_space(home, 20 * 2**20)
    with pytest.raises(
        HpoError, match="has 20 MiB left and a search needs 48 MiB free; free some space"
    ) as refused:
        disk_space.require_disk_space(home)
    assert refused.value.exit_code == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_reported_plainly(tmp_path, number):
    with (
        pytest.raises(DiskFull, match="is full; free some space"),
        disk_space.full_disk_reported(Home.at(tmp_path)),
    ):
        raise OSError(number, os.strerror(number))


def test_other_errors_are_passed_on(tmp_path):
    with pytest.raises(PermissionError), disk_space.full_disk_reported(Home.at(tmp_path)):
        raise PermissionError(errno.EACCES, "no")
