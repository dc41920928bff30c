"""The append-only record of every search."""
