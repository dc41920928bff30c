"""Builders of losses, optimizers, schedules and what regularizes them."""
