"""Data sources: each reads a development part and a test part."""
