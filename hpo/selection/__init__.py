"""From finished trials to one recipe and one honest number."""
