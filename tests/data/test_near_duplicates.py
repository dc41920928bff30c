import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from hpo.data import near_duplicates
from hpo.data.thumbnails import thumbnails

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "cifar10-jpeg-tenth"
COPIES_WITHIN_CIFAR = {
    (264, 1781), (315, 2128), (319, 2063), (342, 2028), (676, 735), (776, 879), (831, 856),
    (833, 856), (833, 884), (856, 884), (879, 887), (1115, 1166), (2850, 2911),
}  # fmt: skip
"""Pairs among every second image of the folder that were looked at: each shows one photograph twice."""
Alter = Callable[[Image.Image], Image.Image]
Scenes = Callable[[int], np.ndarray]


def jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=60)
    return Image.open(file).convert("RGB")


def noisy(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image).astype(float)
    return Image.fromarray(
        np.clip(pixels + np.random.default_rng(3).normal(0, 6, pixels.shape), 0, 255).astype(np.uint8)
    )


def shifted(image: Image.Image) -> Image.Image:
    pixels = np.pad(np.asarray(image), ((0, 1), (1, 0), (0, 0)), mode="edge")
    return Image.fromarray(np.ascontiguousarray(pixels[1:33, 0:32]))


ALTERED: dict[str, Alter] = {
    "same": lambda image: image,
    "jpeg": jpeg,
    "noisy": noisy,
    "shifted": shifted,
    "upside down": lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    "turned": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "turned the other way": lambda image: image.transpose(Image.Transpose.ROTATE_270),
    "turned by half": lambda image: image.transpose(Image.Transpose.ROTATE_180),
    "inverted": ImageOps.invert,
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.8),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(0.6)),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "cropped": lambda image: image.crop((1, 1, 31, 31)).resize((32, 32), Image.Resampling.BICUBIC),
}


def altered(images: np.ndarray, alter: Alter) -> np.ndarray:
    return np.stack([np.asarray(alter(Image.fromarray(image))) for image in images])


@pytest.mark.parametrize("name", ALTERED)
def test_only_planted_copies_are_found(name: str, scenes: Scenes) -> None:
    images = scenes(600)
    planted = altered(images[::10], ALTERED[name])
    found = near_duplicates.near_pairs(thumbnails(images), thumbnails(planted))
    assert found.decided
    expected = {(10 * row, row) for row in range(60)}
    pairs = {(int(ours), int(theirs)) for ours, theirs in found.rows}
    assert len(pairs & expected) >= 0.95 * 60
    assert pairs <= expected


@pytest.mark.parametrize("cropped", ["theirs", "ours", "within"])
def test_images_cropped_to_four_fifths_are_found_from_either_side(cropped: str, scenes: Scenes) -> None:
    images, random = scenes(300), np.random.default_rng(1)
    crops = []
    for image in images[:60]:
        left, top = random.integers(0, 7, 2)
        part = Image.fromarray(image).crop((left, top, left + 26, top + 26))
        crops.append(np.asarray(part.resize((32, 32), Image.Resampling.BICUBIC)))
    wholes, parts = thumbnails(images), thumbnails(np.stack(crops))
    sets = {"theirs": (wholes, parts), "ours": (parts, wholes), "within": (np.concatenate([wholes, parts]),)}
    rows = near_duplicates.near_pairs(*sets[cropped]).rows
    expected = {(row, row + 300 * (cropped == "within")) for row in range(60)}
    pairs = {(int(ours), int(theirs)) for ours, theirs in rows}
    assert len(pairs & expected) >= 0.9 * 60
    assert pairs <= expected


@pytest.mark.parametrize("box", [(1, 1, 30, 30), (2, 1, 31, 30)])
@pytest.mark.parametrize("cropped", ["theirs", "ours"])
def test_images_cropped_by_a_tenth_are_found_among_many(
    box: tuple[int, int, int, int], cropped: str, scenes: Scenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are too many images to look for larger crops, these are superimposed by zooming."""
    monkeypatch.setattr(near_duplicates, "MOST_CROPPED", 0)
    images = scenes(120)
    wholes = thumbnails(images)
    parts = thumbnails(altered(images[::4], lambda image: image.crop(box).resize((32, 32), Image.BICUBIC)))
    pair = (wholes, parts) if cropped == "theirs" else (parts, wholes)
    expected = [[4 * row, row] if cropped == "theirs" else [row, 4 * row] for row in range(30)]
    assert near_duplicates.near_pairs(*pair).rows.tolist() == expected


def test_copies_within_a_set_are_pairs_once(scenes: Scenes) -> None:
    images = scenes(200)
    images[150], images[20] = images[3], images[7][:, ::-1]
    found = near_duplicates.near_pairs(thumbnails(images))
    assert found.rows.tolist() == [[3, 150], [7, 20]]


def test_unsuitable_images_are_reported_as_undecided(scenes: Scenes) -> None:
    images = scenes(50)
    assert not near_duplicates.near_pairs(thumbnails(images), small=True).decided
    uniform = np.repeat(images[:1], 400, axis=0)
    assert not near_duplicates.near_pairs(thumbnails(uniform)).decided
    blank = np.full((30, 32, 32, 3), 200, np.uint8)
    assert len(near_duplicates.near_pairs(thumbnails(blank)).rows) == 0


def test_thumbnails_of_any_size_average_what_they_cover(scenes: Scenes) -> None:
    image = np.zeros((1, 64, 48, 1), np.uint8)
    image[:, :32] = 200
    small = thumbnails(image)
    assert small.shape == (1, 32, 32)
    np.testing.assert_allclose(small[0, :16], 200, rtol=1e-5)
    np.testing.assert_allclose(small[0, 16:], 0, atol=1e-4)
    pixels = scenes(2)
    weights = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(thumbnails(pixels), pixels @ weights, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("name", ["same", "jpeg", "noisy", "brighter", "contrast", "grey"])
def test_hashes_recognise_recompressed_images(name: str, scenes: Scenes) -> None:
    images = scenes(300)
    ours = near_duplicates.hashes(thumbnails(altered(images[:60], ALTERED[name])))
    assert ours.shape == (60, 4)
    assert near_duplicates.resembling(ours, near_duplicates.hashes(thumbnails(images))) >= 0.95
    assert near_duplicates.resembling(ours, near_duplicates.hashes(thumbnails(images[60:]))) == 0


def differing(bits: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Two hashes that differ in some of their 252 bits."""
    one = np.random.default_rng(0).integers(0, 2, 256, np.uint8)
    other = one.copy()
    other[bits] ^= 1
    first, second = (np.packbits(each[None], axis=1).view("<u8").astype(np.uint64) for each in (one, other))
    return first, second


@pytest.mark.parametrize("where", ["everywhere", "at the start", "at the end"])
@pytest.mark.parametrize(
    ("count", "copy", "same"), [(0, 1, 1), (32, 1, 1), (33, 1, 0), (48, 1, 0), (49, 0, 0), (60, 0, 0)]
)
def test_hashes_are_those_of_copies_up_to_a_number_of_bits(
    where: str, count: int, copy: int, same: int
) -> None:
    order = {"everywhere": np.random.default_rng(1).permutation(252), "at the start": np.arange(252)}
    bits = order.get(where, np.arange(252)[::-1])[:count]
    ours, theirs = differing(bits.tolist())
    others = np.concatenate([~ours, theirs])
    assert near_duplicates.resembling(ours, others) == copy
    assert near_duplicates.near_share(ours, others) == same


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the CIFAR-10 images are not beside the repository")
def test_photographs() -> None:
    files = sorted(SHARED.rglob("*.jpg"))[::2]
    images = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
    grey = thumbnails(images)
    found = {(int(one), int(other)) for one, other in near_duplicates.near_pairs(grey).rows}
    assert found <= COPIES_WITHIN_CIFAR, found - COPIES_WITHIN_CIFAR
    chosen = np.random.default_rng(0).choice(len(images), 100, replace=False)
    total = hits = 0
    for alter in ALTERED.values():
        pairs = near_duplicates.near_pairs(grey, thumbnails(altered(images[chosen], alter))).rows
        found_pairs = {(int(ours), int(theirs)) for ours, theirs in pairs}
        hits += sum((int(row), place) in found_pairs for place, row in enumerate(chosen))
        total += len(chosen)
    assert hits / total >= 0.97
