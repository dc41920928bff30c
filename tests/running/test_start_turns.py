"""Processes that start Ray at once take turns, and none waits for ever."""

import threading

import pytest

from hpo.running.start_turns import StoppedWaiting, start_turn


def test_a_second_process_waits_for_the_first_but_not_for_ever(tmp_path):
    with start_turn(0, tmp_path) as first, start_turn(0.1, tmp_path) as second:
        assert (first, second) == (True, False)
    with start_turn(0, tmp_path) as again:
        assert again


def test_a_process_that_waits_is_next(tmp_path):
    turns = []

    def wait():
        with start_turn(60, tmp_path) as turn:
            turns.append(turn)

    with start_turn(0, tmp_path):
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert turns == []
    waiting.join(60)
    assert turns == [True]


def test_a_process_that_is_asked_to_stop_does_not_wait_for_its_turn(tmp_path):
    with start_turn(0, tmp_path), pytest.raises(StoppedWaiting), start_turn(600, tmp_path, lambda: True):
        raise AssertionError("it has no turn")
    with start_turn(600, tmp_path, lambda: True) as turn:
        assert turn  # nothing to wait for


def test_a_lock_file_that_is_a_link_is_left_alone(tmp_path):
    with start_turn(0, tmp_path):
        pass
    (lock,) = tmp_path.iterdir()
    lock.unlink()
    lock.symlink_to(tmp_path / "elsewhere")
    with start_turn(0, tmp_path) as turn:
        assert not turn
    assert not (tmp_path / "elsewhere").exists()
