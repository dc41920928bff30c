"""The append-only record of every search, and the register of test openings."""
