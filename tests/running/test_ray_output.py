"""Keeping what Ray's threads raise out of the terminal."""

import threading

import pytest

from hpo.running.ray_output import silent_listeners


def raised_in(name):
    def fail():
        raise ConnectionError(name)

    thread = threading.Thread(target=fail, name=name)
    thread.start()
    thread.join()


def test_what_a_thread_of_ray_raises_is_silent_and_what_others_raise_is_not(monkeypatch):
    shown = []
    monkeypatch.setattr(threading, "excepthook", lambda raised: shown.append(raised.thread.name))
    with silent_listeners():
        raised_in("ray_listen_error_messages")
        raised_in("mine")
    raised_in("ray_after")
    assert shown == ["mine", "ray_after"]


def test_it_stays_silent_after_an_error(monkeypatch):
    shown = []
    monkeypatch.setattr(threading, "excepthook", lambda raised: shown.append(raised.thread.name))
    with pytest.raises(ValueError, match="lost"), silent_listeners():
        raise ValueError("lost")
    raised_in("ray_listen_error_messages")
    raised_in("mine")
    assert shown == ["mine"]
