"""What a recipe can name, as literal tables of plain data, which can be read without torch.

The builders that a table names are in `trainables.networks` and `trainables.optimization`, or are torch's.
"""
