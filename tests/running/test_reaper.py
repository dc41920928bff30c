"""What a killed search leaves behind goes, though some of it is still written to."""

import shutil

from hpo.running import reaper


def test_a_folder_that_is_written_to_while_it_is_removed_goes_all_the_same(tmp_path, monkeypatch):
    folder, removed = tmp_path / "hpo-session", []
    folder.mkdir()

    def rmtree(path, ignore_errors):
        shutil.rmtree(path)
        removed.append(path)
        if len(removed) == 1:
            path.mkdir()  # a process that was about to die wrote its last line

    monkeypatch.setattr(reaper, "shutil", type("Slow", (), {"rmtree": staticmethod(rmtree)}))
    reaper.remove(folder)
    assert removed == [folder, folder]
    assert not folder.exists()
