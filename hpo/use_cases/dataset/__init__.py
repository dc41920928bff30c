"""The data of a search: read, split, checked and opened by workers."""
