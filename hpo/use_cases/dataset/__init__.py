"""The data of a search: reading, splitting, checking it and opening it in workers."""
