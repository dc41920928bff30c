"""What reaches a training's log beside what Python prints: programs, C libraries, trainings in a row."""

import ctypes
import os
import subprocess
import sys

import pytest

from hpo.running.trial_log import TrialLog

C = ctypes.CDLL(None)


@pytest.fixture
def logged(tmp_path, capfd):
    """Runs code as trainings of one process, one after the other, and returns the log of each."""

    def run(*codes):
        log, texts = TrialLog(whole_process=True), []
        for number, code in enumerate(codes):
            path = tmp_path / f"{number}.log"
            with path.open("a", buffering=1) as file, log.of(file):
                code(path)
            texts.append(path.read_text())
        return texts

    return run


def everyone(path):
    print("python")
    subprocess.run(["sh", "-c", "echo a program; echo its error >&2"], check=True)
    os.write(2, b"a descriptor\n")
    print("python's first stream", file=sys.__stdout__)
    C.printf(b"a C library\n")


def test_programs_and_c_libraries_write_to_the_log_of_the_present_training(logged):
    first, second = logged(everyone, everyone)
    lines = ["a C library", "a descriptor", "a program", "its error", "python", "python's first stream"]
    assert sorted(first.splitlines()) == sorted(second.splitlines()) == lines


def test_an_unfinished_line_of_a_c_library_stays_in_its_training(logged):
    first, second = logged(lambda path: C.printf(b"half"), lambda path: print("next"))
    assert (first, second) == ("half", "next\n")


def test_a_line_of_a_c_library_is_in_the_log_while_the_training_runs(logged):
    seen = []

    def code(path):
        C.printf(b"a line\n")
        seen.append(path.read_text())

    logged(code)
    assert seen == ["a line\n"]


def test_a_failed_training_leaves_the_descriptors_as_they_were(logged, capfd):
    def fail(path):
        raise ZeroDivisionError

    before = os.fstat(1), os.fstat(2)
    with pytest.raises(ZeroDivisionError):
        logged(fail)
    assert (os.fstat(1), os.fstat(2)) == before
    subprocess.run(["echo", "after"], check=True)
    assert capfd.readouterr().out == "after\n"
