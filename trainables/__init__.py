"""Code that trains recipes: the only place that imports torch."""
