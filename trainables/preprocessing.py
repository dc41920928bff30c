"""Preprocessing of images: statistics of the training part, applied to every part.

Every kind is ``(x - mean) * scale``, or a rotation of ``x - mean`` by a matrix, on values in [0, 1].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hpo.core.errors import UserError
from trainables.parts.preprocessing import PREPROCESSING

Images = Any
"""Uint8 array or tensor [n, height, width, channels]; may be a memory map."""

_CHUNK_BYTES = 1 << 22
_CHUNK_ROWS = 1 << 16
_MOST_VALUES = 4096


class Preprocessor:
    """A fixed map of images that can be stored and rebuilt.

    Attributes:
        mean: Subtracted; [c, 1, 1], [c, h, w], or None for nothing.
        scale: Multiplied afterwards, like ``mean``, or None.
        matrix: Rotation of the channels of a pixel [c, c] or of all values [c*h*w, c*h*w], or None.
    """

    def __init__(self, mean: Tensor | None = None, scale: Tensor | None = None, matrix: Tensor | None = None):
        self.mean, self.scale, self.matrix = mean, scale, matrix

    def __call__(self, images: Tensor) -> Tensor:
        """Map float images [b, c, h, w] in [0, 1] to a new tensor of that shape."""
        if self.mean is not None:
            images = images - self.mean
        if self.scale is not None:
            images = images.mul_(self.scale) if self.mean is not None else images * self.scale
        if self.matrix is None:
            return images
        if len(self.matrix) == images.shape[1]:
            return torch.einsum("dc,bchw->bdhw", self.matrix, images)
        return (images.flatten(1) @ self.matrix.T).view_as(images)

    def to(self, device: torch.device | str) -> Preprocessor:
        """Return the same map with its numbers on a device."""
        return Preprocessor(*(None if tensor is None else tensor.to(device) for tensor in self._all()))

    def state(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return arrays from which `from_state` builds it again."""
        names = ("mean", "scale", "matrix")
        return {
            name: tensor.cpu().numpy()
            for name, tensor in zip(names, self._all(), strict=True)
            if tensor is not None
        }

    @classmethod
    def from_state(cls, state: Mapping[str, npt.NDArray[np.float32]]) -> Preprocessor:
        """Build from the arrays that `state` returned."""
        return cls(**{name: torch.from_numpy(np.array(tensor)) for name, tensor in state.items()})

    def _all(self) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        return self.mean, self.scale, self.matrix


def fit(choice: Mapping[str, Any], images: Images, rows: Any = None) -> Preprocessor:
    """Learn preprocessing from training images.

    Args:
        choice: The group ``preprocessing`` of a recipe in normal form.
        images: Uint8 [n, height, width, channels]; read in chunks, so it may be a memory map.
        rows: Rows of the training part; None for all images.

    Raises:
        UserError: If images have too many values for a covariance over pixels.
    """
    options = {name: value for name, value in choice.items() if name != "name"}
    positions = np.arange(len(images)) if rows is None else np.asarray(rows)
    fitted: Preprocessor = PREPROCESSING.part(choice["name"]).load()(images, positions, **options)
    return fitted


def fit_none(images: Images, rows: npt.NDArray[np.int64]) -> Preprocessor:
    """Change nothing."""
    return Preprocessor()


def fit_mean_image(images: Images, rows: npt.NDArray[np.int64]) -> Preprocessor:
    """Subtract the mean training image."""
    total = torch.zeros(images.shape[1:], dtype=torch.float64)
    for chunk in _chunks(images, rows):
        total += chunk.sum(0, dtype=torch.float64)
    mean = total / (255 * len(rows))
    return Preprocessor(mean.permute(2, 0, 1).float().contiguous())


def fit_channel_mean(images: Images, rows: npt.NDArray[np.int64]) -> Preprocessor:
    """Subtract each channel's mean."""
    mean, _ = _channel_moments(images, rows)
    return Preprocessor(mean.float()[:, None, None])


def fit_channel_mean_std(images: Images, rows: npt.NDArray[np.int64]) -> Preprocessor:
    """Subtract each channel's mean and divide by its standard deviation (by 1 if it is 0)."""
    mean, variance = _channel_moments(images, rows)
    std = variance.clamp(min=0).sqrt()
    scale = torch.where(std > 1e-6, std, 1.0).reciprocal()
    return Preprocessor(mean.float()[:, None, None], scale.float()[:, None, None])


def given_mean_std(
    images: Images, rows: npt.NDArray[np.int64], mean: Sequence[float], std: Sequence[float]
) -> Preprocessor:
    """Subtract a given mean and divide by a given standard deviation, one for all channels or one each.

    A grey image, which a library's model gets as three equal channels, takes the mean of several.

    Raises:
        UserError: If there are as many values as no images have channels.
    """
    channels = images.shape[3]
    check_given(mean, std, channels)
    shift, spread = (torch.tensor(values, dtype=torch.float32) for values in (mean, std))
    if channels == 1:
        shift, spread = shift.mean()[None], spread.mean()[None]
    return Preprocessor(
        shift.expand(channels)[:, None, None].clone(), spread.expand(channels)[:, None, None].reciprocal()
    )


def check_given(mean: Sequence[float], std: Sequence[float], channels: int) -> None:
    """Check that given statistics are for images with this many channels.

    Raises:
        UserError: If they are not.
    """
    for name, values in (("mean", mean), ("std", std)):
        if len(values) not in (1, channels) and channels != 1:
            raise UserError(
                f"preprocessing.{name}: has {len(values)} values, and images have {channels} channels; "
                f"legal: 1 or {channels}"
            )


def fit_decorrelation(images: Images, rows: npt.NDArray[np.int64], over: str) -> Preprocessor:
    """Subtract the mean and rotate to the principal axes, the widest first."""
    mean, covariance = _covariance(images, rows, over)
    _, axes = _principal(covariance)
    return Preprocessor(_shaped(mean, images, over), matrix=axes.T.float().contiguous())


def fit_whitening(images: Images, rows: npt.NDArray[np.int64], over: str, epsilon: float) -> Preprocessor:
    """Decorrelate and divide by the standard deviation along each axis."""
    mean, covariance = _covariance(images, rows, over)
    variances, axes = _principal(covariance)
    matrix = (axes / (variances + epsilon).sqrt()).T
    return Preprocessor(_shaped(mean, images, over), matrix=matrix.float().contiguous())


def principal_colours(images: Images, rows: npt.NDArray[np.int64]) -> Tensor:
    """Return the principal components of the pixels of training images, each times its variance.

    Args:
        images: Uint8 [n, height, width, channels].
        rows: Rows of the training part.

    Returns:
        Eigenvectors times eigenvalues of the covariance of the channels in [0, 1], as columns,
        [channels, channels], the largest first.
    """
    variances, axes = _principal(_covariance(images, rows, "channels")[1])
    return (axes * variances).float()


def _shaped(mean: Tensor, images: Images, over: str) -> Tensor:
    _, height, width, channels = images.shape
    shape = (channels, 1, 1) if over == "channels" else (channels, height, width)
    return mean.float().view(shape)


def _principal(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Return variances, descending, and axes as columns, each with its largest entry positive."""
    variances, axes = torch.linalg.eigh(covariance)
    variances, axes = variances.flip(0).clamp(min=0), axes.flip(1)
    largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))
    return variances, axes * largest.sign()


def _channel_moments(images: Images, rows: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """Return mean [c] and variance [c] of values in [0, 1], exactly, from the counts of each byte."""
    channels = images.shape[3]
    counts = torch.zeros(channels, 256, dtype=torch.int64)
    for chunk in _chunks(images, rows):
        for channel in range(channels):
            counts[channel] += torch.bincount(chunk[..., channel].reshape(-1), minlength=256)
    shares = counts / counts.sum(1, keepdim=True).double()
    values = torch.arange(256, dtype=torch.float64) / 255
    mean = shares @ values
    return mean, (shares * (values - mean[:, None]) ** 2).sum(1)


def _covariance(images: Images, rows: npt.NDArray[np.int64], over: str) -> tuple[Tensor, Tensor]:
    """Return mean [d] and covariance [d, d] of values in [0, 1], in double precision.

    Bytes are summed before they are divided. These sums are exact whole numbers, so the result does not
    depend on how rows are cut into chunks. Single precision holds the products of up to 256 rows
    exactly and is twice as fast.
    """
    values = images.shape[3] if over == "channels" else int(np.prod(images.shape[1:]))
    if values > _MOST_VALUES:
        raise UserError(
            f"preprocessing.over: a covariance over pixels of {values} values is too large "
            f"(at most {_MOST_VALUES}); use over: channels"
        )
    total = torch.zeros(values, dtype=torch.float64)
    square = torch.zeros(values, values, dtype=torch.float64)
    exact, most = (torch.float64, _CHUNK_ROWS) if over == "channels" else (torch.float32, 256)
    for chunk in _chunks(images, rows, most):
        flat = chunk if over == "channels" else chunk.permute(0, 3, 1, 2)
        flat = flat.reshape(-1, values).to(exact)
        total += flat.sum(0)
        square += flat.T @ flat
    count = len(rows) if over == "pixels" else len(rows) * images.shape[1] * images.shape[2]
    mean = total / count
    covariance = square / count - torch.outer(mean, mean)
    return mean / 255, covariance / 255**2


def _chunks(images: Images, rows: npt.NDArray[np.int64], most: int = _CHUNK_ROWS) -> Iterator[Tensor]:
    size = max(1, min(most, _CHUNK_BYTES // int(np.prod(images.shape[1:]))))
    for start in range(0, len(rows), size):
        yield torch.as_tensor(images[rows[start : start + size]])
