"""A process that ends without a word has a child that says what to do; one that can speak has not."""

import subprocess
import sys

import pytest

ENDING = """
import os, sys
from pathlib import Path
from hpo.running.last_words import LastWords

words = LastWords("`hpo resume a` continues it", Path(sys.argv[1]))
if sys.argv[2] == "withheld":
    words.withhold()
os._exit(7)
"""


@pytest.mark.parametrize(("how", "err"), [("ended", "`hpo resume a` continues it\n"), ("withheld", "")])
def test_words_are_printed_and_the_folder_removed_only_if_the_process_could_not(how, err, tmp_path):
    folder = tmp_path / "session"
    (folder / "logs").mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-c", ENDING, folder, how], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (7, err)
    assert folder.exists() == (how == "withheld")
