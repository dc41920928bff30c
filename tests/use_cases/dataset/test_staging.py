"""A user's trainable is imported from the spec's own folder, whatever else is on the path."""

import sys

import pytest

from hpo.core.errors import UserError
from hpo.use_cases.dataset.staging import load_trainable


def test_the_folder_of_the_spec_comes_first(tmp_path, monkeypatch):
    for name in ("elsewhere", "own"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "of_two_folders.py").write_text(f"class Mine:\n    place = {name!r}\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "elsewhere"), *sys.path, str(tmp_path / "own")])
    try:
        assert load_trainable("of_two_folders:Mine", tmp_path / "own").place == "own"
    finally:
        del sys.modules["of_two_folders"]


def test_a_trainable_that_cannot_be_imported_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(UserError, match="'nowhere_at_all:Mine' cannot be imported"):
        load_trainable("nowhere_at_all:Mine", tmp_path)
