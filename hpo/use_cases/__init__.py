"""The verbs of the service: one module for each thing that a user can do."""
