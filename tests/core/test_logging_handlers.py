"""Handlers that a training adds end with it; what is added once for the process stays."""

import importlib
import io
import logging
import sys

import pytest

from hpo.core.logging_handlers import handlers_removed

CODE = """
import logging

logging.getLogger("own_once").addHandler(logging.NullHandler())

def fit(stream):
    logger = logging.getLogger("own_code")
    logger.addHandler(logging.StreamHandler(stream))
    logger.warning("trained")
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "handlers_module.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    yield "handlers_module"
    sys.modules.pop("handlers_module", None)


def test_a_second_training_of_a_process_writes_each_line_once(module):
    written = []
    for _ in range(2):
        stream = io.StringIO()
        with handlers_removed():
            importlib.import_module(module).fit(stream)
        written.append(stream.getvalue())
    assert written == ["trained\n", "trained\n"]


def test_what_is_added_while_a_module_is_imported_stays(module):
    logger = logging.getLogger("own_once")
    logger.handlers.clear()
    for _ in range(2):
        with handlers_removed():
            importlib.import_module(module)
    assert len(logger.handlers) == 1


def test_basic_configuration_in_a_training_ends_with_it(monkeypatch):
    monkeypatch.setattr(logging.root, "handlers", [])
    for _ in range(2):
        with handlers_removed():
            logging.basicConfig()
            assert len(logging.root.handlers) == 1
        assert logging.root.handlers == []


def test_a_handler_that_was_there_before_stays():
    logger, handler = logging.getLogger("own_before"), logging.NullHandler()
    logger.addHandler(handler)
    with handlers_removed():
        logger.addHandler(handler)
    assert logger.handlers == [handler]


def test_nothing_is_replaced_afterwards_even_if_the_training_fails():
    add_handler = logging.Logger.addHandler
    with pytest.raises(ValueError, match=r"^the training failed$"), handlers_removed():
        raise ValueError("the training failed")
    assert logging.Logger.addHandler is add_handler
