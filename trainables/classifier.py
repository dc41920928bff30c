"""A trained image classifier that can be stored and can predict."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from hpo.core.errors import UserError
from hpo.core.recipe import Recipe
from hpo.core.trainable import Arrays, DataInfo, Examples
from trainables import augmentation, isolation, state_arrays
from trainables.images import Images
from trainables.networks import build
from trainables.preprocessing import Preprocessor


class Classifier:
    """A network with its preprocessing and test-time views.

    Args:
        network: On the device.
        prepare: Fitted on the training part.
        recipe: Of the training.
        info: Describes the data set.
    """

    def __init__(self, network: nn.Module, prepare: Preprocessor, recipe: Recipe, info: DataInfo):
        self.network, self.prepare, self.recipe, self.info = network, prepare, recipe, info
        self.device = next(network.parameters()).device
        self._size = recipe["image_size"] if recipe["test_size"] is None else recipe["test_size"]
        self._prepare = at_size(prepare, self._size)
        self._views = augmentation.test_time(recipe["test_augment"], image_shape(info, self._size))
        pooling = recipe["regularize"].get("fractional_max_pooling", {})
        # Without such a pooling, every pass would predict the same.
        random = any(isinstance(module, nn.FractionalMaxPool2d) for module in network.modules())
        self._samples = int(pooling.get("samples", 1)) if random else 1

    @classmethod
    def load(cls, recipe: Recipe, weights: Arrays, info: DataInfo) -> Classifier:
        """Build from the arrays that `weights` returned, on the CPU."""
        shape, cpu = image_shape(info, recipe["image_size"]), torch.device("cpu")
        with isolation.seeded(0, "network", device=cpu):
            network = build.network(recipe, shape, len(info.classes))
        state_arrays.load_network(network, state_arrays.below(weights, "network"))
        prepare = Preprocessor.from_state(state_arrays.below(weights, "preprocessing"))
        return cls(network, prepare, recipe, info)

    def weights(self) -> dict[str, NDArray[Any]]:
        """Return arrays from which `load` builds it again."""
        network = state_arrays.under("network", state_arrays.network_arrays(self.network))
        return network | state_arrays.under("preprocessing", self.prepare.state())

    def of(self, network: nn.Module) -> Classifier:
        """Return the same classifier with another network of the same build."""
        return self if network is self.network else Classifier(network, self.prepare, self.recipe, self.info)

    def predict(self, examples: Examples) -> NDArray[np.float32]:
        """Return logits [n, classes]; their softmax gives probabilities."""
        return self.outputs(self.images(examples, hold=False))

    def images(self, examples: Examples, hold: bool = True) -> Images:
        """Prepare a part for prediction; ``hold`` its images if it is predicted more than once."""
        choices = self.recipe["test_augment"]
        return Images(
            examples,
            self.device,
            self._prepare,
            hold and self._views is None,
            self._size,
            choices.get("original_pixels", False),
            augmentation.is_bicubic(choices),
        )

    def outputs(self, images: Images) -> NDArray[np.float32]:
        """Return logits [n, classes] of a part, or the log of mean probabilities over views and samples."""
        autocast = torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.recipe["precision"] == "bfloat16"
        )
        self.network.eval()
        with torch.inference_mode(), autocast, isolation.seeded(0, "predict", device=self.device):
            logits = [self._logits(images, index) for index in images.stretches()]
            array: NDArray[np.float32] = torch.cat(logits).cpu().numpy()
        return array

    def _logits(self, images: Images, index: Tensor) -> Tensor:
        if self._views is None and self._samples == 1:
            return self.network(images.prepared(index)).float()  # type: ignore[no-any-return]
        if self._views is None:
            inputs = [images.prepared(index)] * self._samples
        else:
            inputs = [
                self._prepare(v) for v in images.viewed(self._views, index) for _ in range(self._samples)
            ]
        log_probabilities = [self.network(batch).float().log_softmax(1) for batch in inputs]
        return torch.stack(log_probabilities).logsumexp(0) - float(np.log(len(log_probabilities)))


def at_size(prepare: Preprocessor, size: int | None) -> Preprocessor:
    """Return preprocessing for images resized to ``size``; a mean image is resized like them.

    Raises:
        UserError: If its statistics over pixels are only valid for the original size.
    """
    mean, matrix = prepare.mean, prepare.matrix
    if size is None or mean is None or mean.shape[1:] in ((1, 1), (size, size)):
        return prepare
    if matrix is not None:
        raise UserError(
            "preprocessing.over: statistics over pixels are only valid at the original size; "
            "leave image_size and test_size at null, or use over: channels"
        )
    resized = F.interpolate(mean[None], (size, size), mode="bilinear", antialias=True)[0]
    return Preprocessor(resized, prepare.scale)


def image_shape(info: DataInfo, size: int | None = None) -> tuple[int, int, int]:
    """Return (channels, height, width) of a data set's images, resized to ``size`` if it is given."""
    height, width, channels = info.shape
    return (channels, height, width) if size is None else (channels, size, size)
