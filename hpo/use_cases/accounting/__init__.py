"""What a search's record says about it, gathered for the account."""
