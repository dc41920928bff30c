"""Stores to keep files in: a folder, and a real server of S3's interface."""

import pytest

from tests.s3_store import s3, s3_server

__all__ = ["s3", "s3_server"]


@pytest.fixture(params=["folder", "s3"])
def address(request, tmp_path):
    """Address of a store of each kind."""
    return str(tmp_path / "store") if request.param == "folder" else request.getfixturevalue("s3")
