"""A YAML file becomes a validated search spec, or a list of everything wrong with it."""
