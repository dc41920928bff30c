"""Proposing points: the only room that imports Optuna."""
