"""A fresh folder for every disturbed search, and one undisturbed search."""

import pytest

from tests.faults.cable import Cable
from tests.faults.tiny_search import Place, left_behind, undisturbed_record
from tests.s3_store import s3, s3_server

__all__ = ["s3", "s3_server"]


@pytest.fixture
def place(tmp_path):
    """A fresh folder; nothing that started in it may be alive afterwards."""
    place = Place(tmp_path)
    yield place
    left = left_behind(tmp_path)
    place.end()
    assert left == []


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The record of the same search without a disturbance."""
    return undisturbed_record(tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture
def cable():
    """A namespace that is connected to this machine."""
    cable = Cable()
    try:
        if not cable.lay():
            pytest.skip("no virtual network devices can be made here")
        yield cable
    finally:
        cable.end()
