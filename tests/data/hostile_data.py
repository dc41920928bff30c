"""Data files as no one should write them: tables, arrays and folders of images, drawn from a number.

`make` writes the files of a number into a folder and returns how they are read. Families take turns, so
that any run of numbers has all of them.
"""

import io
import json
import os
import string
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from pyarrow import parquet


@dataclass(frozen=True)
class Request:
    """What a reader is asked for.

    Attributes:
        source: A data source, or ``unlabelled`` for rows that a model predicts.
        arguments: Arguments of the source.
        file: File of unlabelled rows.
    """

    source: str
    arguments: dict[str, Any] = field(default_factory=dict)
    file: str = ""


FORMS = [
    lambda r: f"{r.gauss(0, 1):.4f}",
    lambda r: str(r.randint(-5, 5)),
    lambda r: str(r.randint(0, 10**18)),
    lambda r: f"{r.gauss(1.7e12, 1e4):.0f}",
    lambda r: f"{r.gauss(0, 1) * 10 ** r.randint(-320, 308):e}",
    lambda r: f"${r.randint(1, 9999):,}",
    lambda r: f"{r.randint(0, 100)}%",
    lambda r: f"{r.random():.3f}".replace(".", ","),
    lambda r: f"({r.randint(1, 9)})",
    lambda r: r.choice(["true", "false"]),
    lambda r: r.choice(["NA", "?", "-", "", "NULL", "nan", "inf", "-inf", "1e400", "#DIV/0!"]),
    lambda r: f"20{r.randint(0, 99):02d}-{r.randint(1, 13):02d}-{r.randint(1, 31):02d}",
    lambda r: f"2020-01-01T00:{r.randint(0, 59):02d}:00{r.choice(['Z', '+02:00', ''])}",
    lambda r: f"{r.randint(1, 31)}.{r.randint(1, 12)}.2020",
    lambda r: r.choice(["red", "blue", "green"]),
    lambda r: "".join(r.choices(string.printable, k=r.randint(0, 12))),
    lambda r: "".join(chr(r.choice([r.randint(1, 0xD7FF), r.randint(0xE000, 0x10FFFF)])) for _ in range(5)),
    lambda r: "a\nb" + str(r.randint(0, 3)),
    lambda r: f"0x{r.randint(0, 255):x}",
    lambda r: str(r.randint(0, 9)) * r.randint(1, 400),
    lambda r: "\u202e" + str(r.randint(0, 9)),
]

NAMES = ["x", "Id", "", " y", "a,b", "a;b", '"', "na\nme", "é", "\u202e", "__proto__", "y" * 300, "../x", "z"]


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
"""What Git LFS leaves in place of a file that was not fetched."""


def rows_of(r: Random) -> list[list[str]]:
    """A header and some rows; the target is called y, mostly."""
    forms = [r.choice(FORMS) for _ in range(r.randint(1, 6))]
    names = [r.choice(NAMES) if r.random() < 0.3 else f"c{k}" for k in range(len(forms))]
    target = r.choice([FORMS[0], FORMS[14], FORMS[9], r.choice(FORMS), lambda _: "same"])
    n = r.choice([0, 1, 5, *[60] * 6, *[200] * 6])
    rows = [[*names, "y" if r.random() < 0.95 else "Y"]]
    for _ in range(n):
        gap = r.random() < 0.05
        cells = ["" if gap else (r.choice(FORMS) if r.random() < 0.001 else form)(r) for form in forms]
        rows.append([*cells, target(r)])
    return rows


def csv_bytes(r: Random, rows: list[list[str]], sign: str = ",", encoding: str = "utf-8") -> bytes:
    """Rows as CSV, with some quotes forgotten."""
    careless, end = r.random() < 0.1, r.choice(["\n", "\n", "\r\n", "\r"])

    def field_of(text: str) -> str:
        return (
            text if careless or not set(text) & set(f'{sign}"\n\r') else '"' + text.replace('"', '""') + '"'
        )

    text = end.join(sign.join(map(field_of, row)) for row in rows)
    return text.encode(encoding, "replace")


def damaged(r: Random, content: bytes) -> bytes:
    """The same bytes cut, flipped, doubled or with others put in."""
    raw = bytearray(content)
    for _ in range(r.randint(1, 4)):
        at = r.randrange(len(raw) + 1)
        match r.randrange(5):
            case 0:
                del raw[at:]
            case 1:
                raw[at:at] = r.randbytes(r.randint(1, 20))
            case 2:
                raw[at : at + r.randint(1, 8)] = b"\0" * r.randint(1, 8)
            case 3:
                raw[at : at + 1] = bytes([r.randrange(256)])
            case 4:
                raw += raw[at:]
    return bytes(raw)


def table(r: Random, folder: Path, content: bytes, **arguments: Any) -> Request:
    """A request for a CSV file of this content, with some arguments."""
    (folder / "t.csv").write_bytes(content)
    given: dict[str, Any] = {"file": "t.csv", "target": "y", **arguments}
    if r.random() < 0.3:
        given["columns"] = {"c0": r.choice(["number", "category", "text", "time", "ignore"])}
    roles = {"groups": "c0", "time": "c1", "id": "c2", "decimal": ",", "task": "regression"}
    given |= {name: value for name, value in roles.items() if r.random() < 0.05}
    if r.random() < 0.1:
        given["missing"] = ["?", "-"]
    if r.random() < 0.1:
        given["test_share"] = r.choice([0.01, 0.5, 0.9])
    return Request("csv", given)


def csv_types(r: Random, folder: Path) -> Request:
    """Columns of all kinds."""
    return table(r, folder, csv_bytes(r, rows_of(r)))


def csv_encodings(r: Random, folder: Path) -> Request:
    """Other encodings, byte order marks, and what is no text at all."""
    rows = rows_of(r)
    encoding = r.choice(
        ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "shift_jis", "none"]
    )
    return table(r, folder, r.randbytes(3000) if encoding == "none" else csv_bytes(r, rows, ",", encoding))


def csv_delimiters(r: Random, folder: Path) -> Request:
    """Another delimiter than the spec says, perhaps."""
    signs = [",", ";", "\t", "|", " ", ":", "x", "é", "tab", "\\t"]
    sign, declared = r.choice(signs[:7]), r.choice(signs)
    return table(r, folder, csv_bytes(r, rows_of(r), sign), delimiter=declared if r.random() < 0.5 else sign)


def csv_damaged(r: Random, folder: Path) -> Request:
    """A file that was cut or damaged."""
    return table(r, folder, damaged(r, csv_bytes(r, rows_of(r))))


def csv_shapes(r: Random, folder: Path) -> Request:
    """Large and odd shapes."""
    contents = [
        lambda: b"",
        lambda: b"\n" * 1000,
        lambda: b"y",
        lambda: b"x,y\n" + b"1,2\n" * r.choice([1, 300_000]),
        lambda: ",".join(f"c{k}" for k in range(20_000)).encode() + b",y\n" + b"1," * 20_000 + b"1\n",
        lambda: b"x,y\n" + b'"' + b"z" * 20_000_000 + b'",1\n2,3\n',
        lambda: b"x,y\n" + b'"unclosed' + b",1\n" * 100_000,
        lambda: b"x,x,y\n1,2,3\n",
        lambda: b"x,y\n1,2,3\n" * 50,
        lambda: b"x,y\n1\n" * 50,
        lambda: b"x,y\n" + b"," * 1_000_000 + b"\n",
        lambda: "".join(f"{k}," + r.choice("ab") + "\n" for k in range(30_000)).encode(),
        lambda: b"x,y\n" + "".join(f"{k} {r.random()},{k % 2}\n" for k in range(30_000)).encode(),
        lambda: b"x,y\n" + "".join(f"{r.random()},{k}\n" for k in range(30_000)).encode(),
    ]
    return table(r, folder, r.choice(contents)())


def columns_of(r: Random, n: int) -> dict[str, Any]:
    """Columns of the types that Parquet files have."""
    seconds = pa.array(np.arange(n) * 3600, pa.int64())
    whole = pa.array(np.arange(n), pa.int64())
    makers = {
        "bool": lambda: pa.array([None if k % 7 == 3 else k % 2 == 0 for k in range(n)]),
        "uint64": lambda: pa.array(np.arange(n, dtype=np.uint64) + np.uint64(2**63)),
        "half": lambda: pa.array(np.arange(n).astype(np.float16)),
        "float": lambda: pa.array(np.random.default_rng(0).normal(size=n) * 10.0 ** r.randint(-300, 300)),
        "nan": lambda: pa.array([float("nan")] * n),
        "inf": lambda: pa.array([float("inf") if k == 3 else 1.0 * k for k in range(n)]),
        "stamp": lambda: seconds.cast(pa.timestamp(r.choice(["s", "ms", "us", "ns"]))),
        "zoned": lambda: seconds.cast(pa.timestamp("us", tz=r.choice(["UTC", "Europe/Berlin", "+02:00"]))),
        "far": lambda: pa.array([9_000_000_000_000_000] * n, pa.timestamp("s")),
        "date": lambda: whole.cast(pa.int32()).cast(pa.date32()),
        "time": lambda: (pa.array(np.arange(n) % 86_400, pa.int32())).cast(pa.time32("s")),
        "time64": lambda: pa.array(np.arange(n) % 86_400, pa.int64()).cast(pa.time64("us")),
        "duration": lambda: seconds.cast(pa.duration("ms")),
        "decimal": lambda: whole.cast(pa.decimal128(38, r.choice([0, 10]))),
        "wide": lambda: whole.cast(pa.decimal256(70, 5)),
        "bytes": lambda: pa.array([bytes([k % 256]) for k in range(n)]),
        "fixed": lambda: pa.array([bytes([k % 256] * 4) for k in range(n)], pa.binary(4)),
        "list": lambda: pa.array([[1.0, 2.0]] * n),
        "struct": lambda: pa.array([{"a": k} for k in range(n)]),
        "map": lambda: pa.array([[("a", k)] for k in range(n)], pa.map_(pa.string(), pa.int64())),
        "dictionary": lambda: pa.array([f"v{k % 3}" for k in range(n)]).dictionary_encode(),
        "numbers": lambda: pa.array([k % 3 for k in range(n)]).dictionary_encode(),
        "null": lambda: pa.nulls(n),
        "large": lambda: pa.array([f"t{k}" for k in range(n)], pa.large_string()),
        "view": lambda: pa.array([f"t{k % 3}" for k in range(n)], pa.string_view()),
        "view of bytes": lambda: pa.array([bytes([k % 9]) for k in range(n)], pa.binary_view()),
        "uuid": lambda: pa.ExtensionArray.from_storage(
            pa.uuid(), pa.array([bytes([k % 256] * 16) for k in range(n)], pa.binary(16))
        ),
        "long": lambda: pa.array(["z" * 100_000 for _ in range(n)]),
        "texts": lambda: pa.array([r.choice(FORMS)(r) for _ in range(n)], pa.string()),
    }
    names = r.sample(sorted(makers), r.randint(1, 5))
    target = r.choice([*["bool", "dictionary", "float"] * 9, *makers])
    return {**{name: makers[name]() for name in names}, "y": makers[target]()}


def parquet_bytes(r: Random) -> bytes:
    """A Parquet file of some of these columns."""
    file = io.BytesIO()
    while True:
        try:
            codec = r.choice(["snappy", "none", "zstd", "gzip"])
            parquet.write_table(
                pa.table(columns_of(r, r.choice([0, 1, 5, *[60] * 9]))), file, compression=codec
            )
        except (pa.ArrowException, OverflowError, ValueError):
            file = io.BytesIO()  # such a file cannot be written
            continue
        return file.getvalue()


def parquet_types(r: Random, folder: Path) -> Request:
    """Columns of all types, and as the target."""
    (folder / "t.parquet").write_bytes(parquet_bytes(r))
    more = {"task": "regression"} if r.random() < 0.2 else {}
    for name in ("groups", "time", "id"):
        if r.random() < 0.05:
            more[name] = r.choice(["stamp", "texts", "bytes", "list", "dictionary"])
    return Request("parquet", {"file": "t.parquet", "target": "y", **more})


def parquet_damaged(r: Random, folder: Path) -> Request:
    """A Parquet file that was cut or damaged, or whose footer lies about its length."""
    content = parquet_bytes(r)
    lie = content[:-8] + struct.pack("<I", r.choice([0, 1, 2**31, 2**32 - 1, len(content)])) + b"PAR1"
    flipped = bytearray(content)
    for _ in range(r.randint(1, 10)):
        flipped[r.randrange(max(0, len(flipped) - 600), len(flipped))] = r.randrange(256)
    (folder / "t.parquet").write_bytes(r.choice([lie, damaged(r, content), bytes(flipped)]))
    return Request("parquet", {"file": "t.parquet", "target": "y"})


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F", "I;16"]
FORMATS = {
    "png": "PNG",
    "jpg": "JPEG",
    "gif": "GIF",
    "bmp": "BMP",
    "tif": "TIFF",
    "webp": "WEBP",
    "ppm": "PPM",
}


def image_bytes(r: Random, ending: str, side: tuple[int, int]) -> bytes:
    """An image, where its format can hold one in the drawn mode; in RGB otherwise."""
    file, mode = io.BytesIO(), r.choice(MODES)
    pixels = np.frombuffer(r.randbytes(side[0] * side[1] * 3), np.uint8).reshape(*side, 3)
    colour = Image.fromarray(pixels)
    options: dict[str, Any] = {}
    if ending in ("jpg", "webp") and r.random() < 0.3:
        exif = Image.Exif()
        exif[0x0112] = r.choice([0, 1, 3, 6, 8, 9, 77])
        options["exif"] = exif.tobytes() + r.randbytes(r.choice([0, 9]))
    if ending in ("gif", "tif", "webp", "png") and r.random() < 0.3:
        options |= {"save_all": True, "append_images": [colour] * r.randint(1, 3)}
    try:
        deep = Image.fromarray(pixels[..., 0].astype(np.uint16) << r.choice([0, 2, 4, 8]))
        (deep if mode == "I;16" else colour.convert(mode)).save(file, FORMATS[ending], **options)
    except (OSError, ValueError, KeyError, TypeError):
        file = io.BytesIO()
        colour.save(file, FORMATS[ending])
    return file.getvalue()


def folder_of(r: Random, folder: Path, make_image: Any) -> Request:
    """Class folders of images, with hidden files, links, parts and files of other kinds."""
    root = folder / "images"
    base = root / r.choice(["train", "Train", ".", "."])
    for label in range(r.choice([0, 1, *[2] * 9, 3])):
        plain = [f"class {label}", f"c{label}"]
        within = base / r.choice(
            [*plain * 4, f".hidden{label}", "é" * (label + 1), os.fsdecode(b"\xe9"), "test"]
        )
        within.mkdir(parents=True, exist_ok=True)
        for number in range(r.choice([0, 1, *[9] * 9])):
            ending = r.choice(sorted(FORMATS))
            plain = [f"{number}.{ending}"]
            odd = [f"._{number}.png", f"{number}.PNG", os.fsdecode(b"caf\xe9.png")]
            name = r.choice([*plain * 9, *odd])
            (within / name).write_bytes(make_image(ending))
        if r.random() < 0.1:
            (within / "loop").symlink_to(base, target_is_directory=True)
        if r.random() < 0.2:
            (within / "gone.png").symlink_to("/nowhere/at.all")
        if r.random() < 0.1:
            os.mkfifo(within / "pipe.png")
        if r.random() < 0.1:
            (within / "zero.png").symlink_to("/dev/zero")
    root.mkdir(exist_ok=True)
    if r.random() < 0.2:
        (root / "test").mkdir(exist_ok=True)
        (root / "test" / "a.png").write_bytes(make_image("png"))
    more: dict[str, Any] = {"size": r.choice([4, 8, 32])} if r.random() < 0.9 else {}
    if r.random() < 0.4:
        more["broken"] = "skip"
    return Request("image_folder", {"root": "images", **more})


def images(r: Random, folder: Path) -> Request:
    """Images of all formats and modes."""
    return folder_of(r, folder, lambda ending: image_bytes(r, ending, (r.randint(1, 20), r.randint(1, 20))))


def images_damaged(r: Random, folder: Path) -> Request:
    """Images that were cut or damaged, or are something else."""

    def content(ending: str) -> bytes:
        whole = image_bytes(r, ending, (12, 10))
        return r.choice(
            [whole, damaged(r, whole), whole[: len(whole) // 2], b"", b"<html></html>", POINTER, zipped(r)]
        )

    return folder_of(r, folder, content)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def images_lying(r: Random, folder: Path) -> Request:
    """Images whose headers promise more than they hold."""

    def content(ending: str) -> bytes:
        wide, high = r.choice([(0, 0), (12_000, 12_000), (2**31 - 1, 1), (100_000, 100_000), (8, 8)])
        if ending == "bmp":
            return b"BM" + struct.pack(
                "<IHHIIiiHHIIiiII", 60, 0, 0, 54, 40, wide, high, 1, 24, 0, 0, 0, 0, 0, 0
            )
        if ending == "gif":
            return b"GIF89a" + struct.pack("<HHBBB", wide % 65_536, high % 65_536, 0, 0, 0) + b",\0\0\0\0"
        if ending == "ppm":
            return f"P6 {wide} {high} 255\n".encode() + b"\0" * 30
        head = struct.pack(
            ">IIBBBBB", wide, high, r.choice([1, 8, 16, 3]), r.choice([0, 2, 3, 6, 9]), 0, 0, 0
        )
        text = chunk(b"zTXt", b"k\0\0" + zlib.compress(b"\0" * r.choice([10, 30_000_000])))
        pixels = chunk(b"IDAT", zlib.compress(b"\0" * r.choice([20, 200, 1_000_000])))
        parts = [chunk(b"IHDR", head), *[text] * (r.random() < 0.3), pixels, chunk(b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(parts)

    return folder_of(r, folder, content)


def zipped(r: Random) -> bytes:
    """A ZIP file, perhaps a bomb, perhaps with a lying header."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(r.choice(["a.npy", "../a.png", "t.csv"]), b"\0" * r.choice([10, 20_000_000]))
    content = bytearray(file.getvalue())
    if r.random() < 0.5:
        content[18:26] = struct.pack("<II", 2**32 - 1, 2**32 - 1)
    return bytes(content)


def arrays(r: Random, folder: Path) -> Request:
    """Arrays whose headers lie, and other files that are named so."""
    shape = r.choice(
        ["(10, 8, 8, 1)", "(10**12, 8, 8, 1)", "(-1, 8, 8, 1)", "(10, 8, 8, 3)", "()", "(" * 500]
    )
    shape = shape.replace("10**12", str(10**12))
    kind = r.choice(
        ["'|u1'", "'<f8'", "'|O'", "'<U9'", "'|V99999999'", "'<M8[s]'", "[('a', '<f8')]", "__import__"]
    )
    order = r.choice(["False", "True", "3"])
    header = f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    length = r.choice([len(header), len(header), 0, 65_535])
    version = r.choice([b"\x01\x00", b"\x01\x00", b"\x02\x00", b"\x09\x09"])
    content = (
        b"\x93NUMPY" + version + struct.pack("<H", length) + header + r.randbytes(r.choice([0, 640, 6400]))
    )
    good = io.BytesIO()
    np.save(good, np.zeros((4, 8, 8, 1), np.uint8))
    (folder / "a.npy").write_bytes(
        r.choice([content, content, good.getvalue(), damaged(r, good.getvalue()), zipped(r)])
    )
    return Request("unlabelled", file="a.npy")


def misnamed(r: Random, folder: Path) -> Request:
    """Files of another kind than their names say; folders, pipes and devices in place of files."""
    kind = r.choice(["csv", "parquet"])
    path = folder / f"t.{kind}"
    match r.randrange(8):
        case 0:
            path.mkdir()
        case 1:
            os.mkfifo(path)
        case 2:
            path.symlink_to("/dev/zero")
        case 3:
            path.symlink_to(path)
        case 4:
            path.write_bytes(zipped(r))
        case 5:
            path.write_bytes(parquet_bytes(r) if kind == "csv" else csv_bytes(r, rows_of(r)))
        case 6:
            path.write_bytes(POINTER)
        case _:
            path.write_bytes(image_bytes(r, "png", (9, 9)))
    return Request(kind, {"file": path.name, "target": "y"})


FAMILIES = (
    csv_types,
    csv_encodings,
    csv_delimiters,
    csv_damaged,
    csv_shapes,
    parquet_types,
    parquet_damaged,
    images,
    images_damaged,
    images_lying,
    arrays,
    misnamed,
)


def make(number: int, folder: Path) -> Request:
    """Write the files of a number into an empty folder, and return how they are read."""
    request = FAMILIES[number % len(FAMILIES)](Random(number), folder)
    (folder / "request.json").write_text(json.dumps(request.__dict__))
    return request
