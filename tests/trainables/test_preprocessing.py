from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from hpo.core.errors import UserError
from hpo.core.grammar import Grammar
from trainables import preprocessing, torchvision_ops  # noqa: F401  declares what a CPU build lacks
from trainables.parts.preprocessing import PREPROCESSING

from torchvision.transforms.v2.functional import normalize  # isort: skip

GRAMMAR = Grammar((), (PREPROCESSING,))
NAMES = PREPROCESSING.names
KINDS = [*((name, {}) for name in NAMES), *((n, {"over": "pixels"}) for n in ("decorrelation", "whitening"))]


def resolve(name: str, **settings: object) -> dict:
    return GRAMMAR.resolve({"preprocessing": {"name": name, **settings}})["preprocessing"]


def data(n: int = 300, channels: int = 3) -> np.ndarray:
    random = np.random.default_rng(0)
    common = random.integers(0, 128, (n, 5, 4, 1))
    return (common + random.integers(0, 128, (n, 5, 4, channels)) * ([1, 0.5, 0.2][:channels])).astype(
        np.uint8
    )


def floats(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255


def fitted(name: str, images: np.ndarray, **settings: object) -> np.ndarray:
    return preprocessing.fit(resolve(name, **settings), images)(floats(images)).double().numpy()


def check_none() -> None:
    images = floats(data())
    assert torch.equal(preprocessing.fit(resolve("none"), data())(images), images)


def check_mean_image() -> None:
    images = data()
    expected = floats(images).double().numpy()
    np.testing.assert_allclose(fitted("mean_image", images), expected - expected.mean(0), atol=1e-6)


def check_channel_mean() -> None:
    images = data()
    expected = floats(images).double().numpy()
    expected -= expected.mean((0, 2, 3), keepdims=True)
    np.testing.assert_allclose(fitted("channel_mean", images), expected, atol=1e-6)


def check_channel_mean_std() -> None:
    for channels in (1, 3):
        images = data(channels=channels)
        expected = floats(images).double().numpy()
        axes = (0, 2, 3)
        expected = (expected - expected.mean(axes, keepdims=True)) / expected.std(axes, keepdims=True)
        np.testing.assert_allclose(fitted("channel_mean_std", images), expected, atol=1e-5)
    # Two pixels of 0 and 255: mean 0.5, standard deviation 0.5, so -1 and 1.
    assert fitted("channel_mean_std", np.array([0, 255], np.uint8).reshape(2, 1, 1, 1)).ravel().tolist() == [
        -1,
        1,
    ]


def check_given_mean_std() -> None:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    images = data()
    expected = normalize(floats(images), mean, std).numpy()
    np.testing.assert_allclose(fitted("given_mean_std", images), expected, atol=1e-5)
    grey = data(channels=1)
    expected = (floats(grey).double().numpy() - np.mean(mean)) / np.mean(std)
    np.testing.assert_allclose(fitted("given_mean_std", grey), expected, atol=1e-5)
    np.testing.assert_allclose(
        fitted("given_mean_std", images, mean=[0.5], std=[0.25]),
        (floats(images).numpy() - 0.5) * 4,
        atol=1e-5,
    )


def test_a_given_mean_of_other_channels_is_refused() -> None:
    with pytest.raises(
        UserError, match=r"preprocessing\.mean: has 2 values, and images have 3 channels; legal: 1 or 3"
    ):
        preprocessing.fit(resolve("given_mean_std", mean=[0.1, 0.2]), data())


def against_sklearn(name: str, whiten: bool, **settings: object) -> None:
    images = data()
    pixels = floats(images).permute(0, 2, 3, 1).reshape(-1, 3).double().numpy()
    theirs = PCA(whiten=whiten).fit(pixels).transform(pixels)
    ours = fitted(name, images, **settings).transpose(0, 2, 3, 1).reshape(-1, 3)
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-3)
    flat = floats(images).flatten(1).double().numpy()
    theirs = PCA(whiten=whiten).fit(flat).transform(flat)
    ours = fitted(name, images, over="pixels", **settings).reshape(len(images), -1)
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=2e-2 if whiten else 1e-4)


def check_decorrelation() -> None:
    against_sklearn("decorrelation", whiten=False)


def check_whitening() -> None:
    against_sklearn("whitening", whiten=True, epsilon=1e-8)
    whitened = fitted("whitening", data(), over="pixels", epsilon=1e-8).reshape(300, -1)
    np.testing.assert_allclose(np.cov(whitened.T, bias=True), np.eye(60), atol=5e-3)
    damped = fitted("whitening", data(), epsilon=1.0)
    assert damped.std() < 0.3


REFERENCES: dict[str, Callable[[], None]] = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}


@pytest.mark.parametrize("name", NAMES)
def test_numbers_agree_with_the_definition(name: str) -> None:
    REFERENCES[name]()


@pytest.mark.parametrize(("name", "own"), KINDS)
def test_statistics_come_from_the_training_rows_alone(name: str, own: dict) -> None:
    images, rows = data(), np.arange(0, 300, 3)
    poisoned = images.copy()
    others = np.setdiff1d(np.arange(300), rows)
    poisoned[others] = np.random.default_rng(1).integers(0, 256, poisoned[others].shape)
    clean = preprocessing.fit(resolve(name, **own), images[rows]).state()
    dirty = preprocessing.fit(resolve(name, **own), poisoned, rows).state()
    assert clean.keys() == dirty.keys()
    for key, array in clean.items():
        np.testing.assert_array_equal(dirty[key], array)


@pytest.mark.parametrize(("name", "own"), KINDS)
def test_state_builds_the_same_map(name: str, own: dict) -> None:
    images = data()
    first = preprocessing.fit(resolve(name, **own), images)
    second = preprocessing.Preprocessor.from_state(first.state())
    assert torch.equal(first(floats(images)), second(floats(images)))


@pytest.mark.parametrize(("name", "own"), KINDS)
def test_chunks_and_containers_make_no_difference(
    name: str, own: dict, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    images = data()
    whole = preprocessing.fit(resolve(name, **own), images).state()
    np.save(tmp_path / "inputs.npy", images)
    monkeypatch.setattr(preprocessing, "_CHUNK_BYTES", 7 * images[0].size)
    mapped = np.load(tmp_path / "inputs.npy", mmap_mode="c")
    for each in (mapped, torch.from_numpy(images)):
        parts = preprocessing.fit(resolve(name, **own), each, np.arange(300)).state()
        for key, array in whole.items():
            np.testing.assert_array_equal(parts[key], array)


@pytest.mark.parametrize(("name", "own"), KINDS)
def test_input_images_are_not_changed(name: str, own: dict) -> None:
    images = floats(data())
    kept = images.clone()
    out = preprocessing.fit(resolve(name, **own), data())(images)
    assert torch.equal(images, kept)
    assert out.shape == images.shape
    assert out.dtype == torch.float32


def test_a_constant_channel_is_not_divided_by_zero() -> None:
    images = np.full((10, 3, 3, 1), 7, np.uint8)
    assert (fitted("channel_mean_std", images) == 0).all()


def test_a_covariance_over_too_many_pixels_is_refused() -> None:
    images = np.zeros((2, 64, 65, 1), np.uint8)
    with pytest.raises(UserError, match="4160 values is too large"):
        preprocessing.fit(resolve("whitening", over="pixels"), images)


def test_every_row_is_documented() -> None:
    assert PREPROCESSING.default in NAMES
    for row in PREPROCESSING.parts:
        assert row.doc
        assert callable(row.load())
