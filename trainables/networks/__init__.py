"""Builders of networks and their layers."""
