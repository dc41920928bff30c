"""What lies in a folder of images without being read is counted, and classes written alike are named."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.data.source_reading import read_source
from trainables.data.class_folders import labelled_files
from trainables.data.content import SourcePaths
from trainables.data.image_folder import open_folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("ant", "bee"):
        for number in range(6):
            draw(tmp_path / "images" / name / f"{number}.png", number + 10 * len(name))
    return tmp_path / "images"


def draw(path: Path, seed: int) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    pixels = np.random.default_rng([seed, *path.parent.name.encode()]).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).save(path)


def warnings(root: Path) -> tuple[str, ...]:
    source = open_folder(SourcePaths(root.parent, root.parent), root=str(root))
    return (*source.development().warnings, *source.test().warnings)


def test_images_beside_the_class_folders_are_counted(root: Path) -> None:
    assert not warnings(root)
    draw(root / "loose.png", 1)
    assert warnings(root) == (f"1 image in no class folder left out, such as {root / 'loose.png'}",)


def test_images_beside_the_class_folders_of_the_test_part_are_counted(root: Path) -> None:
    for name in ("ant", "bee"):
        (root / "train").mkdir(exist_ok=True)
        (root / name).rename(root / "train" / name)
        draw(root / "test" / name / "0.png", 50)
    draw(root / "test" / "loose.png", 1)
    draw(root / "test" / "ant" / ".hidden.png", 2)
    draw(root / "stray.png", 3)
    assert sorted(warnings(root)) == [
        f"1 hidden image left out, such as {root / 'test' / 'ant' / '.hidden.png'}",
        f"1 image in no class folder left out, such as {root / 'stray.png'}",
        f"1 image in no class folder left out, such as {root / 'test' / 'loose.png'}",
    ]


def test_class_folders_that_differ_in_case_or_accents_are_named(root: Path) -> None:
    for number in range(6):
        draw(root / "Ant" / f"{number}.png", number)
    assert warnings(root)[0].startswith("2 class folders differ only in case, spaces or notation")


def test_colour_images_of_16_bits_per_channel_are_counted(root: Path) -> None:
    deep(root / "ant" / "deep.png")
    assert warnings(root)[0].startswith("1 image in colour with 16 bits per channel, of which the upper 8")


def deep(path: Path) -> None:
    """Write a PNG file of 8 x 8 pixels with three channels of 16 bits, which Pillow does not write."""
    pixels = np.random.default_rng(0).integers(0, 1 << 16, (8, 24)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def test_names_of_files_may_hold_bytes_that_are_no_characters(root: Path) -> None:
    (root / "ant" / "0.png").rename(os.fsdecode(os.fsencode(root / "ant") + b"/caf\xe9.png"))
    home = Home(root.parent / "home")
    assert read_source("image_folder", {"root": str(root)}, home, root.parent)


def test_a_class_whose_name_holds_such_bytes_is_refused(root: Path) -> None:
    (root / "ant").rename(os.fsdecode(os.fsencode(root) + b"/caf\xe9"))
    with pytest.raises(UserError, match="has a name that is not encoded as UTF-8; rename it"):
        warnings(root)


def test_links_to_nothing_are_counted_within_linked_classes_too(root: Path) -> None:
    (root / "ant").rename(root.parent / "elsewhere")
    (root / "ant").symlink_to("../elsewhere")
    (root / "ant" / "gone.png").symlink_to("nowhere.png")
    (root / "bee" / "gone.png").symlink_to("nowhere.png")
    (root / "ant" / "loop").symlink_to("..")
    assert warnings(root) == (
        f"2 links to files that do not exist left out, such as {root / 'ant' / 'gone.png'}",
        f"1 class folder read through a link, such as {root / 'ant'} from {root.parent / 'elsewhere'}",
        f"1 linked folder within classes not read, such as {root / 'ant' / 'loop'}",
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS"),
        (b"<html>404</html>", "is a web page"),
    ],
)
def test_files_that_are_no_images_are_called_by_what_they_are(root: Path, content: bytes, words: str) -> None:
    (root / "ant" / "0.png").write_bytes(content)
    with pytest.raises(UserError, match=f"1 file cannot be decoded: .*0.png \\({words}"):
        warnings(root)


def test_images_come_in_the_order_of_their_paths(root: Path) -> None:
    for name in ("a/z.png", "a.b/0.png", "a b/1.png", "B/0.png", "a/b/0.PNG", ".out/0.png", "10.png"):
        (root / "ant" / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(root / "ant" / "0.png", root / "ant" / name)
    every = sorted(p for p in (root / "ant").rglob("*") if p.suffix.lower() == ".png")
    shown = [path for path in every if ".out" not in path.parts]
    assert list(labelled_files(root, ["ant"], hidden=False).files) == shown
    assert list(labelled_files(root, ["ant"], hidden=True).files) == every
