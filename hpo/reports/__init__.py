"""Reports of searches, as pages of text."""
