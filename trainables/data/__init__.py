"""Where examples come from: each source reads a development part and a test part."""
