"""What a person types: parses, calls one use case, prints. No logic."""
