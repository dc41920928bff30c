"""Images that keep their own sizes: what is stored, and their crops beside torchvision's and timm's."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import ks_2samp

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.core.trainable import Examples
from hpo.data import prepared
from hpo.data.custodian import prepare, require_same_rows, sign
from hpo.data.examples import open_examples
from hpo.data.sealed_part import open_test
from tests.trainables.recorder import numbers, train
from trainables import augmentation, torchvision_ops  # noqa: F401  declares what a CPU build lacks
from trainables.augmentation.geometry import RandomResizedCrop, ScaleJitter
from trainables.augmentation.varying_crops import draw_cuts, resized_boxes
from trainables.augmentation.views import WHOLE, Views
from trainables.data.unlabelled import read_unlabelled
from trainables.images import Images
from trainables.registry import IMAGE_CLASSIFIER

from torchvision import transforms  # isort: skip
from torchvision.transforms import functional as vision  # isort: skip

CPU = torch.device("cpu")
SIZES = ((90, 60), (64, 120), (75, 75), (200, 48))
"""Width and height of the images, in turn."""

MODES = {"bilinear": vision.InterpolationMode.BILINEAR, "bicubic": vision.InterpolationMode.BICUBIC}


def photograph(path: Path, number: int, label: int) -> None:
    """Save a JPEG whose lower half is bright if its label is 1."""
    width, height = SIZES[number % len(SIZES)]
    random = np.random.default_rng([number, label])
    coarse = random.integers(0, 100, (6, 6, 3), dtype=np.uint8)
    coarse[3:] += np.uint8(120 * label)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(path, quality=92)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    for part, count in (("train", 16), ("test", 4)):
        for number in range(count):
            for label, name in enumerate(("dark", "light")):
                photograph(folder / part / name / f"{number:02}.jpg", number + 100 * (part == "test"), label)
    return folder


def arguments(root: Path, **others: object) -> dict[str, object]:
    return {"root": str(root), "size": 24, "originals": True, **others}


@pytest.fixture(scope="module")
def examples(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Examples:
    home = Home(tmp_path_factory.mktemp("home"))
    data = prepare("image_folder", arguments(root), home, root)
    return open_examples(data.folder, np.arange(data.n))


@pytest.fixture(scope="module")
def files(root: Path) -> list[Path]:
    return sorted((root / "train").rglob("*.jpg"))


def floats(image: Image.Image) -> torch.Tensor:
    return transforms.ToTensor()(image)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("ratio", "whole"), [(0.875, 36), (0.95, 33), (0.5, 64)])
def test_evaluation_is_resize_and_center_crop_of_the_file(
    examples: Examples, files: list[Path], interpolation: str, ratio: float, whole: int
) -> None:
    choices = {"center_crop": {"ratio": ratio}, "interpolation": interpolation}
    resolved = IMAGE_CLASSIFIER.grammar.resolve({"test_augment": choices})["test_augment"]
    views = augmentation.test_time(resolved, (3, 32, 32))
    assert views is not None
    images = Images(examples, CPU, lambda x: x, False, 32, bicubic=augmentation.is_bicubic(resolved))
    ours = next(images.viewed(views, torch.arange(len(files))))
    theirs = transforms.Compose(
        [transforms.Resize(whole, MODES[interpolation]), transforms.CenterCrop(32), transforms.ToTensor()]
    )
    for file, view in zip(files, ours, strict=True):
        assert torch.equal(view, theirs(Image.open(file)))


def test_timm_evaluates_in_the_same_way(examples: Examples, files: list[Path]) -> None:
    from timm.data import create_transform

    theirs = create_transform(32, interpolation="bicubic", crop_pct=0.95, mean=(0, 0, 0), std=(1, 1, 1))
    view = replace(WHOLE.views[0], ratio=0.95)
    images = Images(examples, CPU, lambda x: x, False, 32, bicubic=True)
    ours = next(images.viewed(Views((view,), (32, 32)), torch.arange(len(files))))
    for file, pixels in zip(files, ours, strict=True):
        assert torch.equal(pixels, theirs(Image.open(file)))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_random_crop_is_torchvisions_of_the_same_box(
    examples: Examples, files: list[Path], interpolation: str
) -> None:
    part = RandomResizedCrop((3, 24, 24), 1.0, 0.08, 4 / 3)
    rows = np.arange(len(files))
    sizes = torch.from_numpy(examples.originals.sizes(rows))
    boxes = resized_boxes(part, sizes, torch.Generator().manual_seed(3)).tolist()
    images = Images(examples, CPU, lambda x: x, False, 32, bicubic=interpolation == "bicubic")
    assert images.originals is not None
    ours = images.originals.crops(rows, part, torch.Generator().manual_seed(3)).pixels()[0]
    for file, crop, (left, top, width, height) in zip(files, images.floats(ours), boxes, strict=True):
        with Image.open(file) as image:
            theirs = vision.resized_crop(image, top, left, height, width, [32, 32], MODES[interpolation])
        assert torch.equal(crop, floats(theirs))


@pytest.mark.parametrize("size", [(60, 90), (48, 480)])
def test_boxes_are_distributed_as_torchvisions(size: tuple[int, int]) -> None:
    count, scale, ratio = 4_000, 0.08, 4 / 3
    part = RandomResizedCrop((3, 24, 24), 1.0, scale, ratio)
    generator = torch.Generator().manual_seed(0)
    ours = resized_boxes(part, torch.tensor([size]).expand(count, 2), generator).numpy()
    blank = Image.new("L", size[::-1])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        drawn = [
            transforms.RandomResizedCrop.get_params(blank, [scale, 1.0], [1 / ratio, ratio])
            for _ in range(count)
        ]
    theirs = np.array(drawn)[:, [1, 0, 3, 2]]
    for column in range(4):
        assert ks_2samp(ours[:, column], theirs[:, column]).pvalue > 0.01, column
    assert (ours[:, :2] + ours[:, 2:] <= size[::-1]).all()


def test_scale_jitter_resizes_the_shorter_side_and_crops(examples: Examples, files: list[Path]) -> None:
    part = ScaleJitter((3, 24, 24), 1.0, 32, 64, 32)
    rows = np.arange(len(files))
    sizes = torch.from_numpy(examples.originals.sizes(rows))
    cuts = draw_cuts(part, sizes, (32, 32), torch.Generator().manual_seed(3))
    images = Images(examples, CPU, lambda x: x, False, 32)
    assert images.originals is not None
    ours = images.originals.crops(rows, part, torch.Generator().manual_seed(3)).pixels()[0]
    for file, crop, cut in zip(files, images.floats(ours), cuts, strict=True):
        assert cut.scaled is not None
        with Image.open(file) as image:
            whole = vision.resize(image, [min(cut.scaled)], MODES["bilinear"])
        assert whole.size == cut.scaled
        assert 32 <= min(whole.size) <= 64
        left, top, right, bottom = cut.box
        assert torch.equal(crop, floats(vision.crop(whole, top, left, bottom - top, right - left)))


def test_originals_change_no_row_and_no_digest_of_the_test_part(root: Path, tmp_path: Path) -> None:
    home = Home(tmp_path)
    kept = prepare("image_folder", arguments(root), home, root)
    scaled = prepare("image_folder", arguments(root, originals=False), home, root)
    assert kept.test is not None
    assert scaled.test is not None
    assert kept.fingerprint != scaled.fingerprint
    assert kept.test.fingerprint == scaled.test.fingerprint
    np.testing.assert_array_equal(kept.inputs(), scaled.inputs())
    assert not (scaled.folder / prepared.ORIGINALS).exists()
    encoded = np.load(kept.folder / prepared.ORIGINALS)
    development = sorted((root / "train").rglob("*.jpg"))
    assert encoded.tobytes() == b"".join(file.read_bytes() for file in development)
    sealed = open_test("image_folder", arguments(root), root, kept.test, kept.cut_file)
    assert len(sealed.originals) == len(sealed.targets) == 8
    assert sign(kept, "image_folder", arguments(root), root, bytes(32)).exists()


def test_images_of_the_stored_size_are_kept_once(tmp_path: Path) -> None:
    for label in ("a", "b"):
        for number in range(8):
            path = tmp_path / "images" / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng([number, ord(label)]).integers(0, 256, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path)
    root = tmp_path / "images"
    folders = [
        prepare("image_folder", arguments(root, originals=originals), Home(tmp_path / "home"), root)
        for originals in (True, False)
    ]
    assert folders[0].fingerprint == folders[1].fingerprint
    assert open_examples(folders[0].folder, np.arange(4)).originals is None


def test_an_image_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    for label in ("a", "b"):
        for number in range(6):
            path = tmp_path / "images" / label / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            exif = Image.Exif()
            exif[0x0112] = 6
            random = np.random.default_rng([number, ord(label)])
            pixels = random.integers(0, 256, (30, 40 + number, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path, exif=exif)
    root = tmp_path / "images"
    for orientation, tall in (("upright", True), ("as_stored", False)):
        data = prepare(
            "image_folder", arguments(root, orientation=orientation), Home(tmp_path / "home"), root
        )
        originals = open_examples(data.folder, np.arange(data.n)).originals
        height, width = originals.sizes(np.array([0]))[0]
        assert originals.picture(0).size == (width, height)
        assert (height > width) == tall


CHOICES = {
    "model": {"name": "cnn", "channels": 4, "stages": 2},
    "image_size": 16,
    "epochs": 3,
    "batch_size": 8,
    "learning_rate": 0.01,
    "augment": {"random_resized_crop": {"scale": 0.5}, "horizontal_flip": True},
    "test_augment": {"center_crop": True, "horizontal_flip": True},
}


def test_a_training_cuts_originals_and_repeats_itself(examples: Examples) -> None:
    random = np.random.default_rng(0).permutation(32)
    parts = replace(examples, rows=random[:24]), replace(examples, rows=random[24:])
    first, second = train(CHOICES, parts, 4), train(CHOICES, parts, 4)
    assert numbers(first.reports) == numbers(second.reports)
    assert first.reports[-1]["validation/accuracy"] > 0.8
    stored = tuple(replace(part, originals=None) for part in parts)
    assert numbers(train(CHOICES, stored, 4).reports) != numbers(first.reports)
    plain = {**CHOICES, "augment": {**CHOICES["augment"], "original_pixels": False}}
    plain["test_augment"] = {**CHOICES["test_augment"], "original_pixels": False}
    assert numbers(train(plain, stored, 4).reports) == numbers(train(plain, parts, 4).reports)


def test_a_training_without_augmentation_sees_resized_originals(examples: Examples) -> None:
    random = np.random.default_rng(0).permutation(32)
    parts = replace(examples, rows=random[:24]), replace(examples, rows=random[24:])
    choices = {**CHOICES, "augment": {}, "test_augment": {}}
    assert train(choices, parts, 4).reports[-1]["validation/accuracy"] > 0.8


DATA = """
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parent / "photographs"


def read(part, broken=False, missing=False, once=False):
    files = sorted((ROOT / ("test" if part == "test" else "train")).rglob("*.jpg"))
    small = [np.asarray(Image.open(file).resize((24, 24))) for file in files]
    labels = [file.parent.name for file in files]
    originals = [file.read_bytes() if number % 2 else str(file) for number, file in enumerate(files)]
    if broken:
        originals[3] = b"nothing"
    if missing:
        originals = originals[1:]
    if once and not (ROOT.parent / f"{part}.called").exists():
        (ROOT.parent / f"{part}.called").touch()
        originals = originals[::-1]
    return {"inputs": np.stack(small), "targets": np.array(labels), "originals": originals}
"""


def test_a_data_function_gives_originals_as_paths_or_bytes(
    root: Path, examples: Examples, tmp_path: Path
) -> None:
    (tmp_path / "own_photographs.py").write_text(DATA)
    (tmp_path / "photographs").symlink_to(root)
    home = Home(tmp_path / "home")
    data = prepare("own_photographs:read", {}, home, tmp_path)
    originals = open_examples(data.folder, np.arange(data.n)).originals
    for row in range(data.n):
        assert originals.picture(row) == examples.originals.picture(row)
    with pytest.raises(UserError, match="original image number 3 cannot be decoded"):
        prepare("own_photographs:read", {"broken": True}, home, tmp_path)
    with pytest.raises(UserError, match="31 originals but 32 images"):
        prepare("own_photographs:read", {"missing": True}, home, tmp_path)
    changing = prepare("own_photographs:read", {"once": True}, home, tmp_path)
    with pytest.raises(UserError, match="other rows for the development part"):
        require_same_rows(changing, "own_photographs:read", {"once": True}, tmp_path)


def test_new_images_are_predicted_from_their_own_pixels(root: Path, examples: Examples) -> None:
    chosen = {"size": 24, "originals": True}
    rows = read_unlabelled(root / "train" / "dark", examples.info, chosen)
    assert rows.originals is not None
    assert rows.originals.picture(5) == examples.originals.picture(5)
    assert read_unlabelled(root / "train" / "dark", examples.info, {"size": 24}).originals is None
