"""Activation functions of the networks built here; a library's model brings its own."""

from __future__ import annotations

from hpo.core.grammar import Group, Hyperparameter, Part

ACTIVATION = Group(
    "activation",
    default="relu",
    doc="Function after each layer of mlp, cnn, resnet and vit",
    parts=(
        Part("identity", "torch.nn:Identity", "Goodfellow et al., Deep Learning, 2016, 6.3"),
        Part(
            "binary_step",
            "trainables.networks.activations:BinaryStep",
            "McCulloch and Pitts, 1943",
            demonstration="its gradient is zero, so the layers before it do not learn",
            doc="1 for x >= 0, otherwise 0",
        ),
        Part("sigmoid", "torch.nn:Sigmoid", "Rumelhart et al., Nature 323, 1986", doc="Saturates at 0 and 1"),
        Part("tanh", "torch.nn:Tanh", "LeCun et al., Efficient BackProp, 1998", doc="Saturates at -1 and 1"),
        Part(
            "arctan", "trainables.networks.activations:Arctan", "Goodfellow et al., Deep Learning, 2016, 6.3"
        ),
        Part("relu", "torch.nn:ReLU", "Nair and Hinton, ICML 2010", doc="A good first choice"),
        Part(
            "leaky_relu",
            "torch.nn:LeakyReLU",
            "Maas et al., ICML 2013",
            (
                Hyperparameter(
                    "negative_slope", "float", 0.01, 0, 1, doc="slope for x < 0; 0.1 is also common"
                ),
            ),
        ),
        Part(
            "prelu",
            "torch.nn:PReLU",
            "He et al., ICCV 2015, https://arxiv.org/abs/1502.01852",
            (
                Hyperparameter(
                    "init", "float", 0.25, 0, 1, doc="initial value of the learned slope for x < 0"
                ),
            ),
            doc="One learned slope per layer",
        ),
        Part(
            "elu",
            "torch.nn:ELU",
            "Clevert et al., ICLR 2016, https://arxiv.org/abs/1511.07289",
            (
                Hyperparameter(
                    "alpha", "float", 1.0, 0, 10, doc="negative of the limit as x goes to minus infinity"
                ),
            ),
        ),
        Part(
            "selu",
            "torch.nn:SELU",
            "Klambauer et al., NeurIPS 2017, https://arxiv.org/abs/1706.02515",
            doc="alpha 1.6732632423543772, lambda 1.0507009873554805",
        ),
        Part(
            "gelu",
            "torch.nn:GELU",
            "Hendrycks and Gimpel, 2016, https://arxiv.org/abs/1606.08415",
            (
                Hyperparameter(
                    "approximate",
                    "str",
                    "none",
                    choices=("none", "tanh"),
                    doc="exact, or approximated by a tanh",
                ),
            ),
        ),
        Part(
            "silu",
            "torch.nn:SiLU",
            "Ramachandran et al., 2017, https://arxiv.org/abs/1710.05941",
            doc="Swish",
        ),
        Part(
            "softplus",
            "torch.nn:Softplus",
            "Dugas et al., NIPS 2000",
            (
                Hyperparameter(
                    "beta", "float", 1.0, 1e-3, 100, log=True, doc="sharpness; large values approach relu"
                ),
            ),
        ),
        Part(
            "maxout",
            "trainables.networks.activations:Maxout",
            "Goodfellow et al., ICML 2013, https://arxiv.org/abs/1302.4389",
            doc="The larger of two linear maps, both learned",
        ),
    ),
)
