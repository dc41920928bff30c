"""Probes of a network before its training: what is wrong with it shows in seconds, not after a search."""
