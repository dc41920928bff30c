"""The account of a search, gathered from its record."""
