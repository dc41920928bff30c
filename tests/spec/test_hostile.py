"""Reading any spec ends soon, with a spec or with clear faults, and executes nothing.

``HOSTILE_EXAMPLES=5000 pytest tests/spec/test_hostile.py`` tries as many generated specs in one
process, and 50 and the large ones through the command line.
"""

import copy
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hpo.core.errors import InvalidSpec
from hpo.spec import SearchSpec, parse_spec, read_spec
from hpo.spec.builtin import specs
from hpo.spec.overview import space_overview
from hpo.spec.yaml_text import parse_text

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "60"))
LIMIT = 6.0
"""CPU seconds: three times what any spec took on a quick machine; the machine's other work does not count."""
MEMORY = 500e6
"""Bytes that reading one spec may take."""
COMMANDS = 50 if EXAMPLES >= 1000 else 4
"""Specs that go through the command line."""

SOURCES = {name: path.read_text(encoding="utf-8") for name, path in specs().items()}
VALUES = {name: parse_text(text, name).value for name, text in SOURCES.items()}

TOKENS = (
    "\0",
    "\t",
    "\r",
    "\ufeff",
    "\u2028",
    "{",
    "}",
    "[",
    "]",
    "[" * 60,
    "{a: " * 60,
    "- " * 60,
    "&a ",
    "*a",
    "<<: *a",
    "!!python/object/apply:os.system ['touch canary']",
    "!!python/name:os.system",
    "!<x>",
    "%YAML 1.1\n",
    "---\n",
    "...\n",
    "? ",
    ": ",
    "|",
    ">",
    "'",
    '"',
    "\\",
    "#",
    "@",
    "`",
    "1e999",
    ".nan",
    "-.inf",
    "9" * 5000,
    "0x",
    "1e-4",
    "null",
    "true",
    "no",
    "version: 1\n",
    "space:\n",
    "when: {learning_rate: 1}",
    "x" * 3000,
    "é",
    "😀",
)

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-3, 3),
    st.floats(allow_nan=True),
    st.sampled_from(
        [10**30, -1, 0, 1e-320, 1e308, "", "sgd", "learning_rate", "1e-4", "../..", "\0", "x" * 5000]
    ),
    st.text(max_size=20),
    st.lists(
        st.one_of(st.integers(-2, 200), st.floats(-2, 2), st.sampled_from(["sgd", "adam", True])), max_size=4
    ),
    st.dictionaries(
        st.sampled_from(
            [
                "uniform",
                "loguniform",
                "quniform",
                "randint",
                "qrandint",
                "lograndint",
                "choice",
                "when",
                "low",
                "high",
                "name",
                "trials",
            ]
        ),
        st.one_of(
            st.lists(st.floats(-1e3, 1e3), max_size=3), st.integers(-5, 5), st.sampled_from(["a", "tpe"])
        ),
        max_size=3,
    ),
    st.recursive(st.integers(), lambda inner: st.lists(inner, max_size=3), max_leaves=20),
)


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Yield every path in a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(place for key, below in inner for place in places(below, (*here, key)))]


@st.composite
def mutated_values(draw: st.DrawFn) -> Any:
    """A shipped spec with some of its values replaced, dropped, renamed or doubled."""
    value = copy.deepcopy(VALUES[draw(st.sampled_from(sorted(VALUES)))])
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.sampled_from(places(value)))
        if not place:
            continue
        parent = value
        for step in place[:-1]:
            parent = parent[step]
        match draw(st.integers(0, 3)):
            case 0:
                parent[place[-1]] = draw(ODD)
            case 1:
                del parent[place[-1]]
            case 2 if isinstance(parent, dict):
                parent[draw(st.text(max_size=12))] = parent.pop(place[-1])
            case _:
                other = draw(st.sampled_from(places(value)))
                for step in other:
                    value_there = value[step] if step == other[0] else value_there[step]  # noqa: F821
                parent[place[-1]] = copy.deepcopy(value_there) if other else {}
    return value


@st.composite
def mutated_texts(draw: st.DrawFn) -> str:
    """The text of a shipped spec, cut, doubled and mixed with tokens."""
    text = SOURCES[draw(st.sampled_from(sorted(SOURCES)))]
    for _ in range(draw(st.integers(1, 6))):
        a = draw(st.integers(0, len(text)))
        b = min(len(text), a + draw(st.sampled_from([0, 1, 5, 50])))
        token = draw(st.one_of(st.sampled_from(TOKENS), st.text(max_size=4), st.just(text[a:b] * 2)))
        text = text[:a] + token + text[b:]
    return text


def memory(line: str) -> int:
    """Bytes of this process: ``VmRSS`` now, ``VmHWM`` at its highest."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(each.split()[1]) for each in lines if each.startswith(line))


def outcome(read_it: Any) -> SearchSpec | InvalidSpec:
    """Return a spec or its faults; anything else fails, as does too much time or memory."""
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before, start = memory("VmRSS"), time.process_time()
    try:
        found: SearchSpec | InvalidSpec = read_it()
    except InvalidSpec as invalid:
        found = invalid
    if isinstance(found, SearchSpec):
        space_overview(found)
    else:
        assert found.faults
        assert len(str(found)) < 200_000
    assert time.process_time() - start < LIMIT
    assert memory("VmHWM") - before < MEMORY
    return found


RELAXED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES < 1000,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@RELAXED
@given(mutated_values())
def test_mutated_values(value: Any) -> None:
    found = outcome(lambda: parse_spec(value))
    if isinstance(found, SearchSpec):
        again = parse_spec(json.loads(json.dumps(found.document)))
        assert again == found


@RELAXED
@given(text=mutated_texts())
def test_mutated_texts(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "mutated.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    outcome(lambda: read_spec(file))


@settings(RELAXED, max_examples=max(20, EXAMPLES // 4))
@given(st.binary(max_size=400))
def test_bytes(content: bytes) -> None:
    outcome(lambda: parse_spec(parse_text(content, "x").value))


HEAD = "version: 1\ndata: {source: digits}\ntrainable: image_classifier\nbudget: {trials: 3}\nspace:\n"
LARGE = {
    "a bomb": "a0: &a0 [x, x, x]\n"
    + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)),
    "ten megabytes of nesting": "[" * 10_000_000,
    "nesting in blocks": "".join(" " * i + "a:\n" for i in range(600)),
    "nesting in one line": "- " * 100_000,
    "a long text": "a: " + "x " * 120_000,
    "empty lines": "\n" * 249_000,
    "a folded text": "a: >\n" + "  x\n" * 60_000,
    "many keys": "".join(f"k{i}: 1\n" for i in range(20_000)),
    "many parameters": "version: 1\nspace:\n"
    + "".join(f"  p{i}: {{uniform: [0, 1]}}\n" for i in range(1_500)),
    "a long chain": HEAD
    + "".join(f"  p{i}: {{choice: [0, 1], when: {{p{i + 1}: 1}}}}\n" for i in range(900)),
    "long choices": f"version: 1\nspace: {{a: {{choice: [{', '.join(map(str, range(9_000)))}]}}}}",
    "long digits": "seed: " + "9" * 200_000,
    "a long key": "? " + "x" * 200_000 + "\n: 1",
    "quotes": '"' * 240_000,
    "anchors": "".join(f"- &a{i} x\n" for i in range(9_000)),
    "tags": "- !!python/object/apply:os.system ['touch canary']\n" * 3_000,
    "directives": "%X y\n" * 49_000 + "---\na: 1",
    "control characters": "a: \x01\x02\x7f\x1b[2J",
}

CHILD = """
import json, resource, sys, time
from pathlib import Path
from hpo.core.errors import InvalidSpec
from hpo.spec import read_spec
slowest = 0
for path in sorted(Path(sys.argv[1]).iterdir()):
    start = time.process_time()
    try:
        read_spec(path)
        sys.exit(f"{path} was accepted")
    except InvalidSpec as invalid:
        assert len(str(invalid)) < 100_000, path
    slowest = max(slowest, time.process_time() - start)
# Not getrusage: what it calls the most memory includes that of the process that forked this one.
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(json.dumps([slowest, int(peak.split()[1]) * 1024]))
"""


def test_large_and_malicious_files_in_one_process(tmp_path: Path) -> None:
    specs_folder = tmp_path / "specs"
    specs_folder.mkdir()
    for number, text in enumerate(LARGE.values()):
        (specs_folder / f"{number}.yaml").write_text(text)
    ran = subprocess.run(
        [sys.executable, "-c", CHILD, str(specs_folder)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31)),
    )
    assert ran.returncode == 0, ran.stderr
    slowest, peak = json.loads(ran.stdout)
    assert slowest < LIMIT
    assert peak < MEMORY
    assert not list(tmp_path.rglob("canary"))


COMMAND = """
import json, os, subprocess, sys
words = [sys.executable, "-m", "hpo.cli.main", "check", sys.argv[1]]
child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
said = child.stdout.read().decode(errors="replace")
_, status, used = os.wait4(child.pid, 0)
code = os.waitstatus_to_exitcode(status)
print(json.dumps([code, said[-3000:], used.ru_utime + used.ru_stime, used.ru_maxrss * 1024]))
"""
"""In between, as what the kernel calls a process's most memory includes that of the one it came from."""


def check_by_command(path: Path) -> None:
    """Check that ``hpo check`` gives a clear answer."""
    root = str(Path(__file__).parent.parent.parent)
    ran = subprocess.run(
        [sys.executable, "-S", "-c", COMMAND, str(path)],
        capture_output=True,
        text=True,
        cwd=path.parent,
        timeout=120,
        check=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    code, output, seconds, peak = json.loads(ran.stdout)
    assert code in (0, 2), output
    assert "Traceback" not in output
    assert output.strip()
    assert seconds < LIMIT + 1  # of which Python's start is a part
    assert peak < MEMORY
    assert not list(path.parent.rglob("canary"))


@settings(RELAXED, max_examples=COMMANDS)
@given(text=mutated_texts())
def test_through_the_command_line(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("typed") / "mutated.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    check_by_command(file)


@pytest.mark.parametrize("name", list(LARGE) if EXAMPLES >= 1000 else ["ten megabytes of nesting", "tags"])
def test_large_and_malicious_files_through_the_command_line(name: str, tmp_path: Path) -> None:
    file = tmp_path / "large.yaml"
    file.write_text(LARGE[name])
    check_by_command(file)
