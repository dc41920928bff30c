"""What several tests of this package need."""

import pytest

from hpo.storage.file_store import FileStore


@pytest.fixture
def store(tmp_path):
    """A team's store in a folder."""
    store = FileStore(str(tmp_path / "store"))
    store.require_writable()
    return store
