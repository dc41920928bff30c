"""What writers of checkpoints that were killed leave behind."""

import numpy as np

from hpo.running.checkpoints import files_of, remove_drafts, write


def test_half_written_checkpoints_are_removed_and_whole_ones_stay(tmp_path):
    write(tmp_path / "3-0-5.safetensors", {"weight": np.zeros(2)})
    (tmp_path / ".3-0-6.safetensors.75ac5fd6").write_bytes(b"half")
    (tmp_path / ".seen-75ac5fd6").write_bytes(b"")
    remove_drafts(tmp_path)
    remove_drafts(tmp_path / "missing")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".seen-75ac5fd6", "3-0-5.safetensors"]
    assert files_of(tmp_path, (3, 0)) == [tmp_path / "3-0-5.safetensors"]
