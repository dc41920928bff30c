"""What a recipe can name, as literal tables of plain data: read without torch.

A table's builders lie in `trainables.networks` and `trainables.optimization`, or are torch's own.
"""
