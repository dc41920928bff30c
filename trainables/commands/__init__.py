"""Trainings that are commands: any script, in any language."""
