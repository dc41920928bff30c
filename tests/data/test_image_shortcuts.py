"""Images whose class is told by their border, ground, mark or colour are named; natural ones are not."""

import numpy as np
import pytest
from PIL import Image

from hpo.core.home import Home
from hpo.core.trainable import DataInfo, Examples
from hpo.data.custodian import prepare
from hpo.data.image_shortcuts import image_shortcuts
from hpo.data.leak_coverage import coverage_of


def smooth(n, seed=0, side=32):
    """Images of smooth random shapes in random colours."""
    rng = np.random.default_rng(seed)
    waves = rng.normal(size=(n, 4, 4, 3))
    axis = np.cos(np.pi * np.outer(np.arange(side) + 0.5, np.arange(4)) / side)
    images = np.einsum("hi,nijc,wj->nhwc", axis, waves, axis)
    return np.clip(128 + 30 * images, 0, 255).astype(np.uint8)


def framed(images, rows):
    images[rows, :2] = images[rows, -2:] = images[rows, :, :2] = images[rows, :, -2:] = 0


def watermarked(images, rows):
    images[rows, -5:, -5:] = np.array([[0, 255] * 2 + [0]] * 5, np.uint8)[..., None]


def grey(images, rows):
    images[rows] = images[rows].mean(-1, keepdims=True).astype(np.uint8)


def darkened(images, rows):
    images[rows] = images[rows] // 4


def red_ground(images, rows):
    images[rows, :6] = images[rows, -6:] = (220, 20, 20)


def found(images, labels, classes):
    info = DataInfo("image", "classification", images.shape[1:], tuple(f"c{i}" for i in range(classes)))
    return image_shortcuts(Examples(images, labels, np.arange(len(images)), info))


PLANTED = {framed: "border", watermarked: "lower right", grey: "colour", darkened: "", red_ground: "corner"}


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_class_that_a_property_reveals_is_named(plant, classes):
    images, labels = smooth(600), np.arange(600) % classes
    plant(images, labels == 1)
    named = found(images, labels, classes)
    assert any(PLANTED[plant] in name for name in named), named
    assert classes == 2 or all("'c1'" in name for name in named)


@pytest.mark.parametrize("classes", [2, 5, 40])
def test_images_without_such_a_property_cause_no_warning(classes):
    images, labels = smooth(800, 1), np.arange(800) % classes
    assert found(images, labels, classes) == {}


@pytest.mark.parametrize(("first", "second"), [(0, 1), (3, 8), (4, 9)])
def test_digits_that_differ_in_their_shape_raise_nothing(first, second):
    from sklearn.datasets import load_digits

    digits = load_digits()
    rows = np.isin(digits.target, (first, second))
    images = (digits.images[rows] * 15).astype(np.uint8)[..., None]
    assert found(images, (digits.target[rows] == second).astype(np.int64), 2) == {}


def test_all_digits_raise_nothing():
    from sklearn.datasets import load_digits

    digits = load_digits()
    assert found((digits.images * 15).astype(np.uint8)[..., None], digits.target.astype(np.int64), 10) == {}


def saved(image, path, plant, marked):
    """Save an image; the files of marked ones differ in one property, and nothing of it is in the pixels."""
    if plant == "file format":
        Image.fromarray(image).save(path.with_suffix(".bmp" if marked else ".png"))
    elif plant == "file size":
        Image.fromarray(image).save(path.with_suffix(".jpg"), quality=95 if marked else 60)
    elif plant == "width":
        Image.fromarray(image).resize((40 if marked else 36, 36)).save(path.with_suffix(".png"))
    else:
        Image.fromarray(image).save(path.with_suffix(".png"))


@pytest.mark.parametrize("plant", ["file format", "file size", "width", ""])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_class_that_its_files_reveal_is_named(plant, classes, tmp_path):
    for row, image in enumerate(smooth(240, 3)):
        folder = tmp_path / "images" / f"c{row % classes}"
        folder.mkdir(parents=True, exist_ok=True)
        saved(image, folder / str(row), plant, row % classes == 1)
    arguments = {"root": str(tmp_path / "images"), "size": 32}
    data = prepare("image_folder", arguments, Home(tmp_path / "home"), tmp_path)
    named = data.file_shortcuts()
    assert (named == {}) == (plant == "")
    assert all(name.startswith(("the file", "the width")) for name in named)
    if plant:
        assert any(name.startswith(f"the {plant}") for name in named), named
        assert classes == 2 or any("'c1'" in name for name in named)
    assert any("of image files" in text for text in coverage_of(data, near=False).sought)
