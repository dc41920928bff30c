"""Choices about a run survive the command line by which a detached process gets them."""

import pytest
import typer.main

from hpo.cli.main import app
from hpo.cli.options import run_options
from hpo.use_cases.search.run_options import RunOptions

NAMES = ("no_test", "again", "reason", "address", "changed_code")


@pytest.mark.parametrize(
    "options",
    [
        RunOptions(),
        RunOptions(unseal=False, address="10.0.0.1:6379"),
        RunOptions(again="--a second look, 'quoted'", changed_code=True),
    ],
)
def test_options_are_read_back_from_their_command_line(options):
    resume = typer.main.get_command(app).commands["resume"]
    with resume.make_context("resume", ["digits", *options.to_command_line()]) as context:
        assert run_options(**{name: context.params[name] for name in NAMES}) == options
