import gzip
import pickle
import struct
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.data.custodian import prepare
from trainables.data import file_state
from trainables.data.content import SourcePaths
from trainables.data.torchvision_sets import TorchvisionSet, open_set
from trainables.parts import data_sources

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "FashionMNIST"


def write_mnist(root: Path, prefix: str, n: int, seed: int) -> np.ndarray:
    raw = root / "FashionMNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(seed).integers(0, 256, (n, 28, 28), dtype=np.uint8)
    labels = (np.arange(n) % 10).astype(np.uint8)
    (raw / f"{prefix}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, n, 28, 28) + images.tobytes())
    (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, n) + labels.tobytes())
    return images


def opened(name: str, root: Path) -> TorchvisionSet:
    return open_set(SourcePaths(root, root), name=name, root=str(root))


def test_the_mnist_family(tmp_path: Path) -> None:
    images = write_mnist(tmp_path, "train", 40, 0)
    write_mnist(tmp_path, "t10k", 10, 1)
    source = opened("fashion_mnist", tmp_path)
    development, test = source.development(), source.test()
    np.testing.assert_array_equal(development.inputs, images[..., None])
    np.testing.assert_array_equal(development.targets, np.arange(40) % 10)
    assert development.info.classes[9] == "Ankle boot"
    assert development.info == test.info
    assert len(test) == 10


def test_labels_outside_the_range_are_named(tmp_path: Path) -> None:
    write_mnist(tmp_path, "train", 40, 0)
    write_mnist(tmp_path, "t10k", 10, 1)
    labels = tmp_path / "FashionMNIST" / "raw" / "train-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1] + b"\xff")
    with pytest.raises(UserError, match="label 255 of row 39 is outside 0 to 9"):
        opened("fashion_mnist", tmp_path).development()


def test_a_file_with_another_magic_number_is_a_user_error(tmp_path: Path) -> None:
    write_mnist(tmp_path, "train", 4, 0)
    write_mnist(tmp_path, "t10k", 4, 1)
    (tmp_path / "FashionMNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(b"x" * 50)
    with pytest.raises(UserError, match="fashion_mnist cannot be read from"):
        opened("fashion_mnist", tmp_path).development()


def test_missing_files_point_to_the_download_flag(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"the folder .*cifar-10-batches-py does not exist; with `download: true`"
    ):
        opened("cifar10", tmp_path).development()


def test_the_state_is_that_of_its_files_and_of_the_version_that_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mnist(tmp_path, "train", 4, 0)
    monkeypatch.setattr(file_state, "SETTLED", 0.0)  # the files were written just now
    state = opened("fashion_mnist", tmp_path).state()
    assert state is not None
    raw = tmp_path / "FashionMNIST" / "raw"
    assert [line.split(" ")[0] for line in state[1:]] == sorted(map(str, raw.iterdir()))
    assert (state[0], len(state)) == (f"torchvision {version('torchvision')}", 3)


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the real Fashion-MNIST is not beside the repository")
def test_the_real_fashion_mnist(tmp_path: Path) -> None:
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for packed in SHARED.glob("*.gz"):
        (raw / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    found = prepare("fashion_mnist", {"root": str(tmp_path)}, Home(tmp_path / "home"), tmp_path)
    assert found.class_counts == (6000,) * 10
    assert found.test is not None
    assert found.test.n == 10_000
    pixels = np.load(found.folder / "inputs.npy", mmap_mode="r")
    assert pixels.mean() / 255 == pytest.approx(0.28604, abs=1e-5)


def test_the_sizes_and_arguments_of_the_table() -> None:
    assert data_sources.faults("cifar10", {"root": "x", "size": 8})
    assert data_sources.faults("food101", {"root": "x", "size": 64}) == []


def test_cifar_batches_are_unpickled_only_after_their_checksum(tmp_path: Path) -> None:
    """torchvision's own reader unpickles CIFAR's batches; a file of another checksum is refused first."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch", "batches.meta"]:
        (folder / name).write_bytes(pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [0]}))
    with pytest.raises(UserError, match="not found or corrupted"):
        opened("cifar10", tmp_path).development()


def test_photographs_are_kept_in_their_own_sizes(tmp_path: Path) -> None:
    folder, random = tmp_path / "dtd" / "dtd", np.random.default_rng(0)
    (folder / "labels").mkdir(parents=True)
    for part in ("train", "val", "test"):
        names = []
        for label in ("banded", "woven"):
            (folder / "images" / label).mkdir(parents=True, exist_ok=True)
            names.append(f"{label}/{part}.jpg")
            pixels = random.integers(0, 256, (40, 50 + len(names), 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "images" / names[-1])
        (folder / "labels" / f"{part}1.txt").write_text("\n".join(names))
    paths = SourcePaths(tmp_path, tmp_path)
    source = open_set(paths, name="dtd", root=str(tmp_path), size=16, originals=True)
    development, test = source.development(), source.test()
    assert (len(development.inputs), len(test.inputs)) == (4, 2)
    assert development.originals is not None
    assert test.originals is not None
    assert development.originals.sizes(np.arange(4)).tolist() == [[40, 51], [40, 52]] * 2
    with Image.open(folder / "images" / "woven" / "val.jpg") as image:
        assert development.originals.picture(3) == image.convert("RGB")
    assert open_set(paths, name="dtd", root=str(tmp_path), size=16).development().originals is None
