"""A document from elsewhere is read only if it is a file, and not a larger one than its reader expects."""

import os

import pytest

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.core.private_files import refuse_links
from hpo.core.regular_file import read_regular
from hpo.running import checkpoints
from hpo.use_cases.auditing.accounts import read_account


def test_a_file_is_read_up_to_its_limit(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    assert read_regular(tmp_path / "file", 7) == b"content"
    with pytest.raises(OSError, match="more than 6 bytes"):
        read_regular(tmp_path / "file", 6)


def make(what, path):
    """Write a file that is made to harm; return its path."""
    if what == "a pipe":
        os.mkfifo(path)
    elif what == "a device":
        path.symlink_to("/dev/zero")
    elif what == "a folder":
        path.mkdir()
    elif what == "a terabyte":
        with path.open("wb") as file:
            file.truncate(1 << 40)
    else:
        path.write_text("[" * 100_000)
    return path


@pytest.mark.parametrize("what", ["a pipe", "a device", "a folder", "a terabyte", "nesting"])
def test_an_account_that_is_made_to_harm_is_refused(what, tmp_path):
    with pytest.raises(UserError, match="--account"):
        read_account(make(what, tmp_path / "account.json"))


@pytest.mark.parametrize("what", ["a pipe", "a device", "a folder", "nesting"])
def test_weights_that_are_made_to_harm_are_refused(what, tmp_path):
    with pytest.raises(checkpoints.DamagedFile):
        checkpoints.read(make(what, tmp_path / "0-0.safetensors"), "0" * 64)


def test_a_home_with_a_pipe_is_refused_before_anything_is_written(tmp_path):
    home = Home.at(tmp_path / "home").create()
    logs = home.search("a").logs
    logs.mkdir(parents=True)
    os.mkfifo(logs / "1-0.log")
    with pytest.raises(UserError, match=r"1-0\.log is neither a file nor a folder"):
        refuse_links(home.root, home.search("a").root)
