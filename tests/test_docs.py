"""The README and the pages under docs/ do what they say: their files are written and their commands run.

Each page runs from top to bottom in a folder of its own, with its own home and register. Pages that
begin with the same search continue from copies of one folder, in which it was run once.

A fence's second word is the file that the block is saved as, except ``make``: it marks the targets
that set the project up, which are checked against the Makefile. A shell command that is followed by
``# exit code N`` has to end with that code.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
import typer

from hpo.cli.main import app

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EXPECTED_CODE = re.compile(r"^(\S.*?) +# exit code (\d+).*$", re.MULTILINE)
SEARCH = re.compile(r"^hpo (submit|resume|ablate) (?!.*# exit code)", re.MULTILINE)
MOST_README_LINES = 150


class Block(NamedTuple):
    """A fenced block: its language, the file it is saved as or ``make``, and its text."""

    language: str
    file: str
    content: str


@dataclass(frozen=True)
class Page:
    path: Path

    @property
    def name(self):
        return str(self.path.relative_to(ROOT))

    @property
    def text(self):
        return self.path.read_text(encoding="utf-8")

    @property
    def blocks(self):
        return blocks_of(self.text)

    @property
    def start(self):
        """The blocks up to the first search; none on a page without one."""
        blocks = [block for block in self.blocks if block.file != "make"]
        searches = [number for number, block in enumerate(blocks) if SEARCH.search(block.content)]
        return blocks[: searches[0] + 1] if searches else []


def blocks_of(text):
    return [Block(*match.groups()) for match in FENCE.finditer(text)]


README, INDEX = Page(ROOT / "README.md"), Page(ROOT / "docs" / "README.md")
TOPICS = [Page(path) for path in sorted((ROOT / "docs").glob("*.md")) if path != INDEX.path]
PAGES = [README, INDEX, *TOPICS]
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@every_page
def test_every_block_can_be_run(page):
    blocks = page.blocks
    assert blocks or page == INDEX
    assert len(blocks) == page.text.count("```") / 2
    assert {block.language for block in blocks} <= {"shell", "yaml", "python"}


@every_page
def test_every_link_leads_to_a_file(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.text):
        assert target.startswith("https://") or (page.path.parent / target).is_file(), target


@pytest.mark.parametrize("page", TOPICS, ids=lambda page: page.name)
def test_readme_and_index_link_to_every_page(page):
    assert f"](docs/{page.path.name})" in README.text
    assert f"]({page.path.name})" in INDEX.text


def test_the_readme_is_short_and_starts_with_two_commands():
    assert len(README.text.splitlines()) <= MOST_README_LINES
    language, mark, content = README.blocks[0]
    targets = [line.split("#")[0].split()[1] for line in content.splitlines()]
    assert (language, mark, targets) == ("shell", "make", ["demo", "test"])
    planned = subprocess.run(
        ["make", "--dry-run", *targets], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "hpo submit search_spaces/digits.yaml" in planned


TYPED = typer.main.get_command(app).commands
GROUPS = {name: command for name, command in TYPED.items() if hasattr(command, "commands")}
COMMANDS = {name: command for name, command in TYPED.items() if name not in GROUPS} | {
    f"{group} {name}": command
    for group, commands in GROUPS.items()
    for name, command in commands.commands.items()
}


def options_of(command):
    return {option for parameter in command.params for option in parameter.opts} | {"--help"}


EVERYWHERE = options_of(typer.main.get_command(app))


def typed_commands(page):
    """Everything after ``hpo`` in shell blocks and in inline code, as lists of words."""
    shell = "".join(block.content for block in page.blocks if block.language == "shell")
    for line in [*shell.splitlines(), *re.findall(r"`(hpo [^`\n]+)`", FENCE.sub("", page.text))]:
        words = shlex.split(line.replace("[", "").replace("]", ""), comments=True)
        words = [word for number, word in enumerate(words) if number or "=" not in word]
        if words and words[0] == "hpo":
            yield joined(words[1:])


def joined(words):
    """Return the words with the name of a group and that of its command as one."""
    first = next((number for number, word in enumerate(words) if word in GROUPS), None)
    if first is None:
        return words
    return [*words[:first], " ".join(words[first : first + 2]), *words[first + 2 :]]


@every_page
def test_every_command_and_option_exists(page):
    for words in typed_commands(page):
        named = [word for word in words if word in COMMANDS]
        assert named or words[0].startswith("--") or words[0] == "COMMAND", words
        known = EVERYWHERE | (options_of(COMMANDS[named[0]]) if named else set())
        assert {word for word in words if word.startswith("--")} <= known, words
        assert not any(COMMANDS[name].hidden for name in named), words
    anywhere = EVERYWHERE.union(*map(options_of, COMMANDS.values()))
    assert set(re.findall(r"`(--[a-z-]+)", page.text)) <= anywhere


def test_every_command_is_on_a_page():
    named = {word for page in PAGES for words in typed_commands(page) for word in words}
    assert {name for name, command in COMMANDS.items() if not command.hidden} <= named


@pytest.fixture(scope="module")
def sections():
    """Names of the fields in every section of a spec that has fixed ones."""
    hpo = [sys.executable, "-m", "hpo.cli.main", "schema", "--json"]
    schema = json.loads(subprocess.run(hpo, capture_output=True, text=True, check=True).stdout)
    found = {}
    for section, value in schema["properties"].items():
        records = [schema["$defs"][name] for name in re.findall(r"#/\$defs/(\w+)", json.dumps(value))]
        fields = {field for record in records for field in record.get("properties", ())}
        found |= {section: fields} if fields else {}
    assert {"data", "budget", "finalists", "ship", "limits"} <= found.keys()
    return found


@every_page
def test_every_field_of_a_spec_exists(page, sections):
    for section, field in re.findall(r"[`\s]([a-z_]+)\.([a-z_]+)[`=.: ]", FENCE.sub("", page.text)):
        assert section not in sections or field in sections[section], f"{section}.{field}"


def run(blocks, base):
    """Run blocks one after the other in ``base/work``.

    The environment is a user's: the command ``hpo``, no settings, a register beside the folder.
    """
    folder, command = base / "work", base / "bin" / "hpo"
    folder.mkdir(exist_ok=True)
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m hpo.cli.main "$@"\n')
    command.chmod(0o755)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HPO_", "MLFLOW_"))}
    environment |= {"HPO_REGISTER": str(base / "register.db"), "MLFLOW_DISABLE_TELEMETRY": "true"}
    environment |= {"XDG_CONFIG_HOME": str(base / "config")}
    environment |= {"PATH": f"{command.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    for language, file, content in blocks:
        if file:
            (folder / file).write_text(content)
            continue
        script = EXPECTED_CODE.sub(r"code=0; \1 || code=$?; test $code = \2", content)
        shell = ["bash", "-euo", "pipefail", "-c", script]
        argv = shell if language == "shell" else [sys.executable, "-c", content]
        ran = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, f"{content}\n{ran.stdout}\n{ran.stderr}"


@pytest.fixture(scope="module")
def begin(tmp_path_factory):
    """Run the blocks that a page starts with, or copy the folder in which they were run before."""
    folders = {}

    def copy(start, base):
        if start not in folders:
            folders[start] = tmp_path_factory.mktemp("start")
            run(start, folders[start])
        shutil.copytree(folders[start], base, dirs_exist_ok=True)

    return copy


RUN = [
    pytest.param(page, id=page.name, marks=[pytest.mark.slow] if page.start else [])
    for page in (README, *TOPICS)
]


def test_pages_that_use_the_search_of_the_readme_start_with_it():
    using = [page for page in TOPICS if "the search of the [README](../README.md)" in page.text]
    assert using
    assert {tuple(page.start) for page in using} == {tuple(README.start)}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", RUN)
def test_a_page_runs_from_top_to_bottom(page, begin, tmp_path):
    start = tuple(page.start)
    begin(start, tmp_path)
    run([block for block in page.blocks if block.file != "make"][len(start) :], tmp_path)
