"""Networks for tables."""

from __future__ import annotations

from hpo.core.grammar import Group, Hyperparameter, Part

TABLE_MODEL = Group(
    "model",
    default="mlp",
    doc="The network",
    parts=(
        Part(
            "mlp",
            "trainables.networks.table_network:mlp",
            "Guo and Berkhahn, 2016, https://arxiv.org/abs/1604.06737",
            (
                Hyperparameter("depth", "int", 2, 0, 1000, doc="hidden layers; 0 gives a linear model"),
                Hyperparameter("width", "int", 128, 1, 65536, log=True, doc="units of a hidden layer"),
                Hyperparameter(
                    "embedding",
                    "int",
                    None,
                    1,
                    1024,
                    optional=True,
                    log=True,
                    doc="width of an embedding; null: half the number of categories, at most 50",
                ),
                Hyperparameter(
                    "embedding_std",
                    "float",
                    0.01,
                    0,
                    10,
                    log=True,
                    doc="standard deviation of the initial embeddings; categories without a training row "
                    "stay at zero",
                ),
            ),
            doc="Multilayer perceptron with learned embeddings of categories",
        ),
    ),
)
