"""Hyperparameter search for neural networks that ends in one recipe and one honest number."""

__version__ = "0.1.0"
