"""Running trials: the only room that imports Ray."""
