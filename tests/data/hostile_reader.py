"""A reader that has imported everything and is idle; every file is read by a fork of it.

Reads numbers from stdin, one a line, and answers each with a line of JSON: how the reading ended, its
sentence, its CPU seconds, the bytes it took beyond the idle reader, and what it printed.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

import PIL.Image  # noqa: F401
import pyarrow.csv
import pyarrow.parquet  # noqa: F401
from PIL import ImageOps  # noqa: F401

from hpo.core.errors import HpoError
from hpo.core.home import Home
from hpo.core.trainable import DataInfo
from hpo.data import prepared, source_reading
from tests.data import hostile_data
from trainables.data import image_folder, map_style, table_source  # noqa: F401
from trainables.data.unlabelled import read_unlabelled

IMAGES = DataInfo("image", "classification", (8, 8, 1), ("a", "b"), ())
WAIT = 600.0
"""Seconds until a reading counts as hanging: on a busy machine importing torch alone takes minutes."""


def read(folder: Path, request: hostile_data.Request) -> str:
    """Read files as the custodian and `hpo predict` do; return what came of it."""
    if request.source == "unlabelled":
        return f"{len(read_unlabelled(folder / request.file, IMAGES, {}).names)} rows"
    data = prepared.read(
        source_reading.read_source(request.source, request.arguments, Home(folder / "home"), folder)
    )
    assert data is not None
    assert data.report()
    return f"{data.n} rows; " + "; ".join(data.warnings)


def memory(name: str) -> int:
    """A number of bytes from the process's status."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def child(folder: Path, number: int) -> None:
    """Write the files of a number, read them, write what came of it, and end without tidying up.

    The idle reader does neither, so that it never has threads when it forks.
    """
    idle = memory("VmRSS")
    request = hostile_data.make(number, folder)
    printed = os.open(folder / "printed", os.O_WRONLY | os.O_CREAT)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    warnings.simplefilter("default")
    os.fsync = lambda _: None  # nothing here outlives the machine
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = time.process_time()
    try:
        ended, words = "read", read(folder, request)
    except HpoError as error:
        ended, words = "refused", str(error)
    except BaseException as error:
        import traceback

        ended, words = "ended", f"{type(error).__name__}: {error}\n{traceback.format_exc()[-2500:]}"
    sys.stdout.flush()
    sys.stderr.flush()
    seconds = time.process_time() - before
    answer = {"ended": ended, "words": words, "bytes": memory("VmHWM") - idle, "seconds": seconds}
    (folder / "answer.json").write_text(json.dumps(answer))
    os._exit(0)


def answer_to(number: int, folder: Path) -> dict[str, object]:
    """Let a fork read the files of a number."""
    pid = os.fork()
    if pid == 0:
        child(folder, number)
    end = time.monotonic() + WAIT
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            break
        time.sleep(0.005)
    file = folder / "answer.json"
    answer = (
        json.loads(file.read_text())
        if file.exists()
        else {"ended": "hangs or died", "words": "", "bytes": 0, "seconds": 0.0}
    )
    printed = (folder / "printed").read_text(errors="replace") if (folder / "printed").exists() else ""
    return {"number": number, **answer, "printed": printed[-3000:]}


def main() -> None:
    """Answer every number."""
    for line in sys.stdin:
        folder = Path(tempfile.mkdtemp(prefix="hostile-"))
        try:
            print(json.dumps(answer_to(int(line), folder)), flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
