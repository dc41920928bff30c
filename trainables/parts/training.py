"""Hyperparameters of every training: epochs, batches, learning rate, precision; and the sizes of images."""

from hpo.core.grammar import Hyperparameter

TRAINING = (
    Hyperparameter(
        "epochs",
        "int",
        30,
        1,
        100_000,
        log=True,
        doc="passes over the training part; in a search, the scheduler sets them",
    ),
    Hyperparameter("batch_size", "int", 64, 1, 1_000_000, log=True, doc="examples per optimizer step"),
    Hyperparameter(
        "accumulation",
        "int",
        1,
        1,
        1024,
        log=True,
        doc="passes in which a batch goes through the network, one after the other, to save memory",
        added=True,
    ),
    Hyperparameter(
        "epoch_examples",
        "int",
        None,
        1,
        1_000_000_000,
        optional=True,
        log=True,
        doc="examples of an epoch, drawn again for each; null: all of the training part, each once",
        added=True,
    ),
    Hyperparameter(
        "learning_rate",
        "float",
        None,
        0,
        100,
        optional=True,
        log=True,
        doc="maximum learning rate; null: the usual one of the optimizer",
    ),
    Hyperparameter(
        "sampling",
        "str",
        "shuffled",
        choices=("shuffled", "balanced"),
        doc="examples of an epoch: each once, or equally many of each class, those of rare ones repeated",
        added=True,
    ),
    Hyperparameter(
        "precision",
        "str",
        "float32",
        choices=("float32", "bfloat16"),
        doc="of matrix products and convolutions; weights stay float32",
    ),
    Hyperparameter(
        "compile", "bool", False, doc="compile the network with torch.compile; worthwhile on a GPU"
    ),
)

IMAGE_SIZES = (
    Hyperparameter(
        "image_size",
        "int",
        None,
        1,
        4096,
        optional=True,
        log=True,
        doc="height and width to which images are resized, in pixels; null: not resized",
    ),
    Hyperparameter(
        "test_size",
        "int",
        None,
        1,
        4096,
        optional=True,
        log=True,
        doc="the same for validation and test, in pixels; null: as in training",
    ),
)
