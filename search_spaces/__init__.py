"""The specs and recipes that ship: data, no code."""
