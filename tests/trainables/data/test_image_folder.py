import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.data.custodian import prepare
from hpo.data.split import split
from trainables.data import content, file_state
from trainables.data.content import SourcePaths
from trainables.data.digests import as_keys, overlap, set_digest
from trainables.data.image_folder import ImageFolder, open_folder


def draw(path: Path, seed: int, size: tuple[int, int] = (12, 10), mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(8):
        draw(tmp_path / "images" / "train" / "ant" / f"{number}.png", number)
        draw(tmp_path / "images" / "train" / "bee" / f"{number}.png", 100 + number)
    for number in range(3):
        draw(tmp_path / "images" / "test" / "ant" / f"{number}.png", 200 + number)
        draw(tmp_path / "images" / "test" / "bee" / f"{number}.png", 300 + number)
    return tmp_path / "images"


def folder(root: Path, **arguments: object) -> ImageFolder:
    return open_folder(SourcePaths(root.parent, root.parent), root=str(root), **arguments)  # type: ignore[arg-type]


def test_pixels_and_labels(root: Path) -> None:
    development, test = folder(root).development(), folder(root).test()
    assert development.inputs.shape == (16, 10, 12, 3)
    assert development.info.classes == ("ant", "bee")
    np.testing.assert_array_equal(development.targets, np.repeat([0, 1], 8))
    with Image.open(root / "train" / "bee" / "2.png") as image:
        np.testing.assert_array_equal(development.inputs[10], np.asarray(image))
    assert len(test) == 6


def test_without_a_test_folder_a_share_of_each_class_is_cut(root: Path) -> None:
    flat = root / "train"
    development, test = folder(flat, test_share=0.25).development(), folder(flat, test_share=0.25).test()
    assert np.bincount(test.targets).tolist() == [2, 2]
    assert len(development) == 12
    (flat / "ant" / "0.png").rename(flat / "ant" / "zebra.png")
    assert set_digest(folder(flat, test_share=0.25).test().digests()) == set_digest(test.digests())


def test_renamed_and_copied_images_are_the_same_test_data(root: Path, tmp_path: Path) -> None:
    first = folder(root).test()
    copy = tmp_path / "copy"
    for number, path in enumerate(sorted(root.glob("*/*/*.png"))):
        target = copy / path.parent.relative_to(root) / f"z{100 - number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    assert set_digest(folder(copy).test().digests()) == set_digest(first.digests())
    resized = folder(copy, size=6).test()
    assert resized.inputs.shape[1:] == (6, 6, 3)
    assert set_digest(resized.digests()) == set_digest(first.digests()), "scaling is no new test data"
    (copy / "test" / "ant" / sorted(p.name for p in (copy / "test" / "ant").iterdir())[0]).unlink()
    assert overlap(first.digests(), folder(copy).test().digests()) == pytest.approx(5 / 6)


def test_grey_images_have_one_channel(tmp_path: Path) -> None:
    for number in range(4):
        draw(tmp_path / "a" / f"{number}.png", number, mode="L")
        draw(tmp_path / "b" / f"{number}.png", 50 + number, mode="L")
    assert folder(tmp_path, test_share=0.5).development().info.shape == (10, 12, 1)


def test_the_upper_8_of_16_bits_are_kept_with_a_warning(tmp_path: Path) -> None:
    levels = np.arange(0, 65536, 4096, dtype=np.uint16).reshape(4, 4)
    for name in ("a", "b"):
        for number in range(2):
            file = tmp_path / "images" / name / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(levels + number).save(file)
    found = folder(tmp_path / "images", test_share=0.5).development()
    assert found.inputs.shape == (2, 4, 4, 1)
    np.testing.assert_array_equal(found.inputs[0, :, :, 0], np.arange(0, 256, 16).reshape(4, 4))
    assert found.warnings == ("2 images have 16 bits per pixel, of which the upper 8 are kept",)


def test_pixels_without_a_maximum_value_are_refused(root: Path) -> None:
    Image.fromarray(np.ones((10, 12), np.float32)).save(root / "train" / "bee" / "9.tif")
    with pytest.raises(UserError, match=r"9\.tif \(pixels of mode F; legal: 8 or 16 bits per channel\)"):
        folder(root).development()


def test_a_broken_file_is_named_or_left_out_and_counted(root: Path) -> None:
    cut = root / "train" / "ant" / "3.png"
    cut.write_bytes(cut.read_bytes()[:100])
    (root / "test" / "bee" / "1.png").write_bytes(b"no image at all")
    with pytest.raises(UserError, match=r"1 file cannot be decoded: .*ant/3\.png .*broken: skip"):
        folder(root).development()
    left = folder(root, broken="skip").development()
    assert len(left) == 15
    assert left.warnings == (left.warnings[0],)
    assert "1 file could not be decoded" in left.warnings[0]
    assert len(folder(root, broken="skip").test()) == 5


def test_different_sizes_need_one_size(root: Path) -> None:
    draw(root / "train" / "bee" / "9.png", 9, size=(20, 10))
    with pytest.raises(UserError, match=r"2 different sizes .*12 x 10.*20 x 10.*size: 64"):
        folder(root).development()
    assert folder(root, size=8).development().inputs.shape == (17, 8, 8, 3)


def test_an_image_of_the_test_part_is_not_scaled_automatically(root: Path) -> None:
    draw(root / "test" / "bee" / "9.png", 9, size=(20, 10))
    with pytest.raises(UserError, match=r"2 different sizes .*12 x 10.*20 x 10.*size: 64"):
        folder(root).development()
    assert folder(root, size=8).test().inputs.shape == (7, 8, 8, 3)


def test_an_empty_class_and_an_unknown_one_are_named(root: Path) -> None:
    (root / "train" / "cat").mkdir()
    with pytest.raises(UserError, match="class 'cat' has no image"):
        folder(root).development()
    (root / "train" / "cat").rmdir()
    (root / "test" / "dog").mkdir()
    with pytest.raises(UserError, match=r"a class 'dog' that is not in .*train"):
        folder(root).development()
    with pytest.raises(UserError, match=r"the folder .* does not exist"):
        folder(root / "nowhere").development()
    with pytest.raises(UserError, match="a folder for each class"):
        folder(root / "train" / "ant").development()


def test_a_class_of_one_image_is_named_by_the_split(root: Path) -> None:
    draw(root / "train" / "cat" / "0.png", 7)
    found = folder(root).development()
    with pytest.raises(UserError, match="class 'cat' has 1 example"):
        split(found.targets, validation=0.2, seed=0, classes=found.info.classes)


def test_other_files_and_folders_are_counted(root: Path) -> None:
    (root / "train" / "ant" / "notes.txt").write_text("x")
    (root / "extra").mkdir()
    warnings = folder(root).development().warnings
    assert "1 file is not an image" in warnings[0]
    assert "extra is not used" in warnings[1]


def test_images_in_other_formats_are_not_called_other_files(root: Path) -> None:
    for name in ("a.HEIC", "b.avif"):
        (root / "train" / "ant" / name).write_bytes(b"x")
    (warning,) = folder(root).development().warnings
    assert warning.startswith("2 images in a format that is not read left out, such as ")


def test_a_class_of_files_without_endings_is_named_with_the_legal_ones(root: Path) -> None:
    draw(root / "train" / "fox" / "0.png", 7)
    (root / "train" / "fox" / "0.png").rename(root / "train" / "fox" / "0")
    with pytest.raises(UserError, match=r"'fox' has no image in .*: 1 file there with the ending none"):
        folder(root).development()


def test_arrays_larger_than_memory_are_in_an_unnamed_file(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = folder(root).development()
    monkeypatch.setattr(content, "IN_MEMORY", 100)
    large = folder(root).development()
    assert isinstance(large.inputs, np.memmap)
    np.testing.assert_array_equal(large.inputs, small.inputs)
    assert sorted(p.name for p in root.parent.iterdir()) == ["images"]


def test_the_custodian_reads_a_folder_once(root: Path, tmp_path: Path) -> None:
    home, arguments = Home(tmp_path / "home"), {"root": "images"}
    first = prepare("image_folder", arguments, home, tmp_path)
    assert first.test is not None
    assert (first.n, first.test.n) == (16, 6)
    assert prepare("image_folder", arguments, home, tmp_path) == first
    draw(root / "test" / "ant" / "7.png", 777)
    second = prepare("image_folder", arguments, home, tmp_path)
    assert second.test is not None
    assert second.test.n == 7
    assert second.folder != first.folder
    old, new = np.load(first.test.digests), np.load(second.test.digests)
    assert set(as_keys(old).tolist()) < set(as_keys(new).tolist())


AUDIT = """
import sys
from pathlib import Path
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
from hpo.core.home import Home
from hpo.data.custodian import prepare
base = Path(sys.argv[1])
prepare("image_folder", {"root": "images"}, Home(base / "home"), base)
prepare("image_folder", {"root": "images"}, Home(base / "home"), base)
assert not [name for name in opened if name.endswith(".png")], opened
assert "PIL" not in sys.modules
"""


def test_the_calling_process_opens_no_image(root: Path) -> None:
    subprocess.run([sys.executable, "-c", AUDIT, str(root.parent)], check=True, timeout=120)


def photo(path: Path, pixels: np.ndarray, orientation: int) -> None:
    """Save an image as a camera that is held in some orientation does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    image = Image.fromarray(pixels)
    turned = image.transpose(stored[orientation]) if orientation in stored else image
    turned.save(path, exif=exif, lossless=True)


def test_images_stand_upright_as_a_viewer_shows_them(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 10, 12, 3), dtype=np.uint8)
    for row, orientation in enumerate((1, 3, 6, 8)):
        for name in ("a", "b"):
            photo(tmp_path / "photos" / name / f"{row}.webp", pixels[row], orientation)
    for ending in ("test", "train"):
        (tmp_path / "photos" / ending).mkdir()
    for name in ("a", "b"):
        (tmp_path / "photos" / name).rename(tmp_path / "photos" / "train" / name)
        photo(tmp_path / "photos" / "test" / name / "0.webp", pixels[0], 6)
    found = folder(tmp_path / "photos").development()
    np.testing.assert_array_equal(found.inputs, np.concatenate([pixels, pixels]))
    np.testing.assert_array_equal(folder(tmp_path / "photos").test().inputs[0], pixels[0])
    assert "6 images of the development part turned upright" in found.warnings[0]
    assert "orientation: as_stored" in found.warnings[0]
    with pytest.raises(UserError, match="2 different sizes"):
        folder(tmp_path / "photos", orientation="as_stored").development()
    stored = folder(tmp_path / "photos", orientation="as_stored", size=8).development()
    assert not np.array_equal(stored.inputs, folder(tmp_path / "photos", size=8).development().inputs)
    assert stored.warnings == ()
    np.testing.assert_array_equal(stored.digests(), found.digests())


def test_a_search_reads_its_images_as_it_did_at_first(root: Path, tmp_path: Path) -> None:
    photo(root / "train" / "ant" / "9.webp", np.arange(360, dtype=np.uint8).reshape(10, 12, 3), 3)
    draw(root / "train" / "ant" / ".9.png", 99)
    paths = SourcePaths(tmp_path, tmp_path, reader=1)
    first, now = ImageFolder(paths, root).development(), folder(root).development()
    assert (len(first), len(now)) == (18, 17)
    assert not np.array_equal(first.inputs[9], now.inputs[8])


def test_hidden_files_are_neither_images_nor_classes(root: Path) -> None:
    expected = folder(root).development()
    draw(root / "train" / "ant" / ".ipynb_checkpoints" / "0-checkpoint.png", 0)
    (root / "train" / "ant" / "._0.png").write_bytes(b"\0\5\26\7" + b"\0" * 4000)
    (root / "train" / "ant" / ".DS_Store").write_bytes(b"\0")
    (root / "train" / "__MACOSX" / "ant").mkdir(parents=True)
    (root / "train" / "__MACOSX" / "ant" / "._1.png").write_bytes(b"\0")
    (root / "test" / "__MACOSX").mkdir()
    (root / "__MACOSX").mkdir()
    found = folder(root).development()
    np.testing.assert_array_equal(found.inputs, expected.inputs)
    assert found.info == expected.info
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith("3 hidden images left out, such as ")
    assert len(folder(root).test()) == 6


@pytest.mark.parametrize(
    "names", [("Train", "Test"), ("training_set", "test_set"), ("training", "val"), ("seg_train", "seg_test")]
)
def test_folders_named_like_parts_are_not_taken_for_classes(names: tuple[str, str], tmp_path: Path) -> None:
    for name in names:
        for number in range(4):
            draw(tmp_path / name / "cat" / f"{number}.png", number)
    with pytest.raises(UserError, match=f"{names[0]}, {names[1]} of .* named like the parts of a data set"):
        folder(tmp_path).development()


def test_a_class_may_be_named_like_a_part(tmp_path: Path) -> None:
    for number in range(4):
        draw(tmp_path / "Train" / f"{number}.png", number)
        draw(tmp_path / "Test" / f"{number}.png", 10 + number)
    assert folder(tmp_path, test_share=0.5).development().info.classes == ("Test", "Train")


def test_test_images_without_labels_are_named_and_a_test_part_is_cut(root: Path) -> None:
    for name in ("ant", "bee"):
        for number in range(3):
            (root / "test" / name / f"{number}.png").rename(root / "test" / f"{name}{number}.png")
        (root / "test" / name).rmdir()
    found = folder(root, test_share=0.25).development()
    assert len(found) == 12
    assert "its 6 images have no labels and are not used" in found.warnings[0]


def test_linked_folders_within_a_class_are_named(root: Path) -> None:
    (root / "train" / "ant" / "more").symlink_to(root / "test" / "ant")
    assert "1 linked folder within classes not read" in folder(root).development().warnings[0]


def deep_images(base: Path, bits: int) -> Path:
    """Two classes of three grey images of 16 bits, of which the lowest are used."""
    levels = np.linspace(0, (1 << bits) - 1, 64).astype(np.uint16).reshape(8, 8)
    for number in range(6):
        path = base / "deep" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.roll(levels, number, axis=0)).save(path)
    return base / "deep"


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_bits_of_a_sensor_in_16_are_scaled_by_what_is_used(tmp_path: Path, bits: int) -> None:
    found = folder(deep_images(tmp_path, bits), test_share=0.3).development()
    assert found.info.bits == bits
    assert found.inputs.max() == 255
    assert len(np.unique(found.inputs)) == 64
    assert any(f"16 bits per pixel, of which {bits} are used" in warning for warning in found.warnings)
    assert found.report is not None
    assert found.report.images is not None
    assert found.report.images.bits == bits


def test_the_bits_that_are_used_can_be_set(tmp_path: Path) -> None:
    root = deep_images(tmp_path, 12)
    found = folder(root, test_share=0.3, bits=16).development()
    assert (found.info.bits, found.inputs.max()) == (16, 15)
    with pytest.raises(UserError, match=r"data.arguments.bits: pixels of .*deep use 12 bits, more than 10"):
        folder(root, test_share=0.3, bits=10).development()


def test_a_search_on_record_keeps_the_upper_bits_and_ignores_transparency(tmp_path: Path) -> None:
    paths = SourcePaths(tmp_path, tmp_path, reader=4)
    earlier = open_folder(paths, root=str(deep_images(tmp_path, 12)), test_share=0.3)
    assert earlier.development().inputs.max() == 15
    assert (earlier.development().info.bits, earlier.development().info.ground) == (16, "")
    now = folder(tmp_path / "deep", test_share=0.3)
    assert [part.files for part in now._parts] == [part.files for part in earlier._parts], "no image moves"


@pytest.mark.parametrize(("ground", "level"), [("white", 255), ("grey", 128), ("black", 0)])
def test_transparent_pixels_are_put_on_a_ground_with_a_warning(
    tmp_path: Path, ground: str, level: int
) -> None:
    for number in range(6):
        pixels = np.full((8, 8, 4), (200, 10, 30, 0), np.uint8)
        pixels[number, 0] = (200, 10, 30, 255)
        path = tmp_path / "icons" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    found = folder(tmp_path / "icons", ground=ground, test_share=0.3).development()
    assert found.info.ground == ground
    assert (found.inputs[:, 7, 7] == level).all(), "where nothing is drawn"
    assert found.inputs[:, :, 0].reshape(-1, 3).tolist().count([200, 10, 30]) == len(found)
    assert any(f"transparent pixels, which are put on {ground}" in warning for warning in found.warnings)


def test_the_first_image_of_a_stack_is_used_and_the_report_says_what_was_done(tmp_path: Path) -> None:
    pages = [Image.fromarray(np.full((8, 6), level, np.uint8)) for level in (50, 90)]
    for number in range(6):
        path = tmp_path / "stacks" / "ab"[number % 2] / f"{number}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        first = Image.fromarray(np.full((8, 6), number, np.uint8))
        first.save(path, save_all=True, append_images=pages[: number % 2])
    found = folder(tmp_path / "stacks", size=4, test_share=0.3).development()
    assert found.inputs.max() < 6
    stacks = "2 files with several images, of which the first is used, such as "
    assert any(warning.startswith(stacks) for warning in found.warnings)
    assert found.report is not None
    images = found.report.images
    assert images is not None
    assert (images.n, images.sizes, images.modes, images.given) == (4, {"6 x 8": 4}, {"L": 4}, (4, 4, 1))
    assert images.conversions[-1] == "scaled to 4 x 4 and cropped around the middle"


def test_a_link_that_leads_back_is_not_followed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "train" / "ant" / "again").symlink_to(root, target_is_directory=True)
    assert len(folder(root).development()) == 16
    monkeypatch.setattr(file_state, "SETTLED", 0.0)  # the files were written just now
    assert [Path(line.split(" ")[0]) for line in folder(root).state() or ()] == sorted(root.glob("*/*/*.png"))


def test_a_header_that_promises_more_than_its_file_holds_is_refused_before_memory_is_taken(
    root: Path,
) -> None:
    path = root / "train" / "ant" / "large.ppm"
    path.write_bytes(b"P6 12000 12000 255\n" + b"\0" * 30)
    with pytest.raises(UserError, match="promises 12,000 x 12,000 pixels, which 49 bytes cannot hold"):
        folder(root, size=8).development()
