"""Files of a home are written in one step, for their owner, and never through a link."""

import os

import pytest

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.core.private_files import TRUSTED, open_log, refuse_links, replace_file, require_own
from hpo.use_cases.search.lock import hold_lock


def test_a_file_is_replaced_and_a_link_is_not_followed(tmp_path):
    victim, link = tmp_path / "victim", tmp_path / "recipe.yaml"
    victim.write_text("precious")
    link.symlink_to(victim)
    replace_file(link, "new")
    assert (victim.read_text(), link.read_text(), link.is_symlink()) == ("precious", "new", False)
    assert link.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recipe.yaml", "victim"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(UnicodeEncodeError):
        replace_file(tmp_path / "file", "\ud800")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "old")]


@pytest.mark.parametrize("mode", ["a", "w"])
def test_a_log_is_not_written_through_a_link(tmp_path, mode):
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "log").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"):
        open_log(tmp_path / "log", mode)
    assert (tmp_path / "victim").read_text() == "precious"
    with open_log(tmp_path / "other", mode) as log:
        log.write("text")
    assert (tmp_path / "other").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "name",
    [
        "ledger.db",
        "ledger.db-wal",
        "artifacts",
        "data/abc",
        "searches/a",
        "searches/a/recipe.yaml",
        "searches/a/lock",
        "searches/a/weights/0-1.safetensors",
        "searches/a/checkpoints",
    ],
)
def test_a_home_with_a_link_is_refused_before_anything_is_written(tmp_path, name):
    home, victim = Home.at(tmp_path / "home").create(), tmp_path / "victim"
    folder = home.search("a")
    link = home.root / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(victim)
    with pytest.raises(UserError, match=f"{name} is a symbolic link"), hold_lock(folder, "a"):
        pass
    assert not victim.exists()
    link.unlink()
    with hold_lock(folder, "a"):
        pass


def test_a_home_may_be_reached_through_a_link_and_other_searches_may_contain_links(tmp_path):
    home = Home.at(tmp_path / "disk").create()
    (tmp_path / "home").symlink_to(home.root)
    (home.root / "searches" / "b").mkdir(parents=True)
    (home.root / "searches" / "b" / "recipe.yaml").symlink_to(tmp_path)
    refuse_links(tmp_path / "home", tmp_path / "home" / "searches" / "a")


def test_a_home_that_others_can_write_to_is_refused_until_it_is_trusted(tmp_path, monkeypatch):
    home = Home.at(tmp_path / "home").create()
    home.ledger.touch()
    home.root.chmod(0o770)
    for use in (home.create, lambda: require_own(home.root)):
        with pytest.raises(UserError, match="can be changed by other users"):
            use()
    monkeypatch.setenv(TRUSTED, str(home.root))
    home.create()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_home_of_another_user_is_refused_until_it_is_trusted(tmp_path, monkeypatch):
    home = Home.at(tmp_path / "home").create()
    os.chown(home.root, 65534, 65534)
    with pytest.raises(UserError, match="belongs to another user"), hold_lock(home.search("a"), "a"):
        pass
    monkeypatch.setenv(TRUSTED, str(tmp_path))
    with pytest.raises(UserError, match="belongs to another user"):
        require_own(home.root)
    monkeypatch.setenv(TRUSTED, str(home.root))
    with hold_lock(home.search("a"), "a"):
        pass
