"""The model of a search: its weights, its provenance, its one evaluation on the test part."""
