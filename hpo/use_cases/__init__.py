"""What a user can ask of the service, one function each."""
