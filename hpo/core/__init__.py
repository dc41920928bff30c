"""Values and rules of a search: standard library only, no input or output."""
