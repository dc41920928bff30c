"""The only process that reads a data source, and how the rest of the service calls it.

`prepare` starts ``python -m hpo.data.custodian``, sends it a request on stdin and reads the answer
from stdout. The child writes the development part where workers can map it into memory, inspects
the test part, and exits; only counts and digests of the test part leave it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from hpo.core.errors import HpoError, Refused, UserError, is_full
from hpo.core.home import Home
from hpo.core.json_values import JsonFields, JsonObject, SpecFields
from hpo.data import prepared, second_reading, source_reading
from hpo.data.prepared import Prepared
from hpo.data.recorded_cuts import NO_CUTS, CutsOnRecord

STOPPING = (signal.SIGINT, signal.SIGTERM)
"""Signals that end a custodian: a terminal sends the first one to it and to the process that asked, which
sends the second.
"""

GRACE = 10.0
"""Seconds that an interrupted custodian has to remove what it was writing."""

CODES: Mapping[int, type[HpoError]] = {2: UserError, 3: Refused}


def prepare(
    source: str,
    arguments: SpecFields,
    home: Home,
    base: Path,
    key: bytes | None = None,
    cuts: CutsOnRecord = NO_CUTS,
) -> Prepared:
    """Have a data source read, unless it was read before and has not changed since.

    Any number of processes may ask for the same data at once: one reads, the others wait.

    Args:
        source: A name of `trainables.parts.data_sources`, or a user's ``module:function``.
        arguments: Arguments of the source, as a JSON value.
        home: Where the development part is kept.
        base: Folder that relative paths start from: the spec's folder.
        key: Secret of the test-use register, for the signature by which it recognises the data; None
            to compute no signature.
        cuts: Earlier cuts of test parts that this reading follows, besides those in the home.

    Raises:
        UserError: If the source, its arguments or its content are invalid.
        HpoError: If the custodian died.
    """
    remembered = source_reading.recall(source, arguments, home, base, cuts)
    if remembered is not None:
        return remembered
    request = {"source": source, "arguments": dict(arguments), "home": str(home.root), "base": str(base)}
    earlier = {
        "opened": [str(file) for file in cuts.opened],
        "recorded": cuts.recorded,
        "afresh": cuts.afresh,
        "anew": cuts.anew,
    }
    answer = _ask(json.dumps({**request, "key": key.hex() if key else None, "cuts": earlier}))
    read = prepared.read(Path(answer["folder"]))
    if read is None:
        raise HpoError(f"data: {answer['folder']} was removed while it was being read")
    return read


def sign(data: Prepared, source: str, arguments: SpecFields, base: Path, key: bytes) -> Path:
    """Have the signature of a data set computed, unless it is kept beside the data, and return its file.

    Raises:
        UserError: If the source can no longer be read.
        HpoError: If the custodian died.
    """
    file = prepared.signature_file(data.folder, key)
    if not file.exists():
        request = {"source": source, "arguments": dict(arguments), "base": str(base), "key": key.hex()}
        _ask(json.dumps({**request, "sign": str(data.folder)}))
    return file


def find_near_duplicates(data: Prepared, source: str, arguments: SpecFields, base: Path) -> JsonObject:
    """Have images or table rows compared with the sealed ones; the result is kept beside the data.

    Returns:
        ``within``, pairs of development images; ``test``, development rows with a near copy in the
        test part; ``told``, whether near copies can be detected in such data at all. For tables also
        ``column``, the one that alone differs most often, and how many test rows were ``searched`` for
        ``among`` how many development rows; ``shifted``, columns that are distributed differently in the
        test part, and ``early``, the number of test rows earlier than the latest development row.

    Raises:
        UserError: If the source can no longer be read.
        HpoError: If the custodian died.
    """
    file = data.folder / prepared.NEAR
    if not file.exists():
        request = {"source": source, "arguments": dict(arguments), "base": str(base)}
        _ask(json.dumps({**request, "near": str(data.folder)}))
    result: JsonObject = json.loads(file.read_text())
    return result


def require_same_rows(data: Prepared, source: str, arguments: SpecFields, base: Path) -> None:
    """Have a user's source read again, in a new process, and refuse it if it returns other rows.

    The answer is kept beside the data, so each data set is read again only once.

    Raises:
        UserError: If the rows, their order or their targets differ.
        HpoError: If the custodian died.
    """
    if not (data.folder / prepared.REPEATED).exists():
        request = {"source": source, "arguments": dict(arguments), "base": str(base)}
        _ask(json.dumps({**request, "repeat": str(data.folder)}))


def _ask(request: str) -> JsonObject:
    command = [sys.executable, "-P", "-m", "hpo.data.custodian"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            out, err = child.communicate(request)
        except BaseException:
            _end(child)
            raise
    if child.returncode == 0:
        answer: JsonObject = json.loads(out)
        return answer
    if child.returncode < 0:
        name = signal.Signals(-child.returncode).name
        raise HpoError(f"data: the process that reads the source was killed by {name}{_tail(err)}")
    with contextlib.suppress(ValueError, KeyError):
        raise CODES.get(child.returncode, HpoError)(json.loads(out)["error"])
    raise HpoError(f"data: the process that reads the source failed{_tail(err)}")


def _end(child: subprocess.Popen[str]) -> None:
    child.terminate()
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        child.kill()


def _tail(err: str) -> str:
    lines = err.strip().splitlines()[-15:]
    return "".join(f"\n  {line}" for line in lines)


def main() -> int:
    """Answer one request: JSON on stdin, JSON on stdout, exit codes as on the command line."""
    answer_to = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a source prints must not get into the answer
    for number in STOPPING:
        signal.signal(number, _stop)
    request = json.load(sys.stdin)
    try:
        answer, code = {"folder": str(_answer(request))}, 0
    except HpoError as error:
        answer, code = {"error": str(error)}, error.exit_code
    except MemoryError:
        answer, code = {"error": "data: the source does not fit into memory"}, 1
    except OSError as error:
        answer, code = {"error": f"data: {error}"}, HpoError.exit_code if is_full(error) else 2
    except KeyboardInterrupt:
        return 130
    with answer_to:
        json.dump(answer, answer_to)
    return code


def _answer(request: JsonFields) -> Path:
    source, arguments, base = request["source"], request["arguments"], Path(request["base"])
    if "near" in request:
        source_reading.read_near(source, arguments, base, Path(request["near"]))
        return Path(request["near"])
    if "repeat" in request:
        second_reading.read_again(source, arguments, base, Path(request["repeat"]))
        return Path(request["repeat"])
    key = bytes.fromhex(request["key"]) if request["key"] else None
    if "sign" in request:
        assert key is not None
        source_reading.sign_source(source, arguments, base, Path(request["sign"]), key)
        return Path(request["sign"])
    earlier = request["cuts"]
    opened = tuple(Path(file) for file in earlier["opened"])
    cuts = CutsOnRecord(opened, earlier["recorded"], earlier["afresh"], earlier["anew"])
    return source_reading.read_source(source, arguments, Home(Path(request["home"])), base, key, cuts)


def _stop(number: int, _: object) -> None:
    """End the reading; a second signal does not interrupt the removal of what was written."""
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(143)


if __name__ == "__main__":
    sys.exit(main())
