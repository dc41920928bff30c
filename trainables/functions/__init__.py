"""Trainables written as functions: `hpo.trainable` makes the class interface of them."""
