"""An audit of a search: its chain beside the register, the recipe, the weights and the account."""
