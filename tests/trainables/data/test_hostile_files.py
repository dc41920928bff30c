"""Files that promise more than they hold are refused in a sentence and with bounded memory."""

import io
import json
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

MEMORY = 300e6
"""Bytes that refusing a file may take beyond what the libraries take."""


def npy(shape, kind="'|u1'"):
    header = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def npz():
    file = io.BytesIO()
    np.savez_compressed(file, inputs=np.zeros((1_000_000, 64), np.uint8))
    return file.getvalue()


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width, height, *chunks):
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 200))
    return b"\x89PNG\r\n\x1a\n" + b"".join([chunk(b"IHDR", head), *chunks, pixels, chunk(b"IEND", b"")])


def safetensors(header, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text


def tensor(shape, end, kind="F32"):
    return {"a": {"dtype": kind, "shape": shape, "data_offsets": [0, end]}}


def table(rows=10):
    file = io.BytesIO()
    parquet.write_table(pa.table({"a": [1.0] * rows, "b": ["x"] * rows}), file)
    return file.getvalue()


def renamed_column():
    return table().replace(b"\x18\x01a", b"\x18\x01\xff")


def csv_of(columns):
    return ",".join(columns).encode() + b"\n" + b",".join([b"1"] * 10) + b"\n"


FILES = {
    "huge.npy": npy("(1000000000000, 8, 8, 1)"),
    "overflow.npy": npy(f"({10**30}, 8, 8, 1)"),
    "negative.npy": npy("(-5, 8, 8, 1)"),
    "two_negatives.npy": npy("(-1, -64, 1, 1)"),
    "dimensions.npy": npy(f"({'1,' * 2000})"),
    "item.npy": npy("(1, 8, 8, 1)", "'|V2000000000'"),
    "text.npy": npy("(10, 8, 8, 1)", "'<U500000000'"),
    "nested.npy": npy(f"{'(' * 3000}{')' * 3000}"),
    "objects.npy": npy("(1,)", "'|O'"),
    "header.npy": b"\x93NUMPY\x03\x00" + struct.pack("<I", 4_000_000_000) + b"{",
    "empty.npy": b"",
    "bomb.npy": npz(),
    "zip.npy": b"PK\x03\x04" + b"\0" * 100,
    "bomb.png": png(100_000, 100_000),
    "cut.png": png(13_000, 13_000),
    "text.png": png(8, 8, chunk(b"zTXt", b"k\0\0" + zlib.compress(b"\0" * 200_000_000))),
    "none.png": png(0, 0),
    "huge.safetensors": safetensors(tensor([10**12], 4 * 10**12)),
    "length.safetensors": safetensors({}, 2**62),
    "overflow.safetensors": safetensors(tensor([2**62, 8], 0)),
    "nested.safetensors": safetensors(b'{"a":' + b"[" * 100_000),
    "type.safetensors": safetensors(tensor([4], 4, "F8_E4M3")) + b"\0" * 4,
    "empty.safetensors": b"",
    "footer.parquet": table()[:-8] + struct.pack("<I", 2_000_000_000) + b"PAR1",
    "cut.parquet": table()[:300],
    "name.parquet": renamed_column(),
    "columns.csv": csv_of(f"column_{number}" for number in range(1_000_000)),
    "repeated.csv": csv_of("a" for _ in range(1_000_000)),
    "header.csv": b"a," * 5_000_000,
    "quoted.csv": b'a,b\n"' + b"x" * 30_000_000,
    "commas.csv": b"a,b\n" + b"," * 5_000_000,
}

READ = """
import json, resource, sys
from pathlib import Path
import pyarrow.csv, pyarrow.parquet, PIL.Image
from hpo.core.errors import HpoError
from hpo.core.trainable import DataInfo
from hpo.running import checkpoints
from trainables.data import image_files, table_encoding, table_reading
from trainables.data.unlabelled import read_unlabelled

IMAGES = DataInfo("image", "classification", (8, 8, 1), ("a", "b"), ())
TABLE = DataInfo("table", "classification", (2,), ("a", "b"), ("a", "b"), {"b": ("x",)})

def read(path):
    if path.suffix == ".png":
        image_files.head(path)
        return image_files.decode(path, image_files.PixelFormat((8, 8, 3)))
    try:
        if path.suffix == ".safetensors":
            return checkpoints.read(path)
        return read_unlabelled(path, IMAGES if path.suffix == ".npy" else TABLE, {})
    except HpoError as error:
        return str(error)

peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
answers = {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    before = peak()
    try:
        answer = read(path)
        answers[path.name] = answer if isinstance(answer, str) else f"READ {answer!r}"[:200], peak() - before
    except BaseException as error:
        answers[path.name] = f"ENDED {type(error).__name__}: {error}"[:200], peak() - before
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What reading each file answers, and how many bytes it took, in a process of its own."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", READ, str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root, preexec_fn=limited)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout.splitlines()[-1])


def limited():
    """Refuse what would take all memory of the machine."""
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))


@pytest.mark.parametrize("name", FILES)
def test_it_is_refused_in_a_sentence_and_with_bounded_memory(name, answers):
    answer, memory = answers[name]
    assert not answer.startswith(("READ", "ENDED")), answer
    assert 0 < len(answer) < 500
    assert memory < MEMORY
