"""A search as lines for programs, and what else may reach standard output."""

import io
import json
import subprocess
import sys

from hpo.cli.event_lines import JsonLines
from hpo.cli.session import own_stdout
from hpo.reports.plain_lines import PlainLines
from tests.cli import stories


def test_every_event_is_one_json_object():
    stream = io.StringIO()
    record = stories.recorded(stories.won())
    stories.replay(JsonLines(stream), record)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["seq"] for line in lines] == [each.seq for each in record]
    assert [line["event"] for line in lines] == [type(each.event).__name__ for each in record]
    assert lines[-1]["status"] == "done"


def test_numbers_that_json_lacks_are_null():
    stream = io.StringIO()
    stories.replay(JsonLines(stream), stories.recorded(stories.searched()))
    diverged = [json.loads(line) for line in stream.getvalue().splitlines()][-1]
    assert diverged["value"] is None
    assert diverged["cause"] == "diverged"
    assert "NaN" not in stream.getvalue()


class Gone(io.StringIO):
    def write(self, text):
        raise BrokenPipeError


def test_a_closed_pipe_does_not_end_the_search():
    for watch in (JsonLines(Gone()), PlainLines(Gone())):
        stories.replay(watch, stories.recorded(stories.won()))


def test_with_json_only_json_is_on_standard_output():
    code = (
        "import os, subprocess\n"
        "from hpo.cli.session import own_stdout\n"
        "with own_stdout() as stream:\n"
        "    print('from python')\n"
        "    os.write(1, b'from c\\n')\n"
        "    subprocess.run(['echo', 'from a child'])\n"
        "    stream.write('{}\\n')\n"
        "print('after')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "{}\nafter\n"
    assert sorted(ran.stderr.splitlines()) == ["from a child", "from c", "from python"]


def test_standard_output_is_restored_after_an_error(capfd):
    try:
        with own_stdout():
            raise KeyError
    except KeyError:
        print("here again")
    assert capfd.readouterr().out == "here again\n"
