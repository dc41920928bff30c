"""A home is accessible only to its owner, and the permissions of other folders are not changed."""

import pytest

from hpo.core.errors import UserError
from hpo.core.home import Home


def mode(path):
    return path.stat().st_mode & 0o777


def test_a_new_empty_or_used_home_is_closed_to_others(tmp_path):
    empty, used = tmp_path / "empty", tmp_path / "used"
    for folder in (empty, used):
        folder.mkdir()
        folder.chmod(0o755)
    Home.at(used).ledger.touch()
    for folder in (tmp_path / "new", empty, used):
        assert mode(Home.at(folder).create().root) == 0o700


def test_a_shared_folder_is_refused_and_its_mode_is_kept(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    (shared / "theirs.txt").touch()
    with pytest.raises(
        UserError, match=r"--home .*shared: it contains other files and other users can read it"
    ):
        Home.at(shared).create()
    assert mode(shared) == 0o755


def test_a_private_folder_may_contain_other_files(tmp_path):
    (tmp_path / "spec.yaml").touch()
    tmp_path.chmod(0o700)
    assert Home.at(tmp_path).create().root == tmp_path
