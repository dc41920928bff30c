"""A mirror of the ledger in MLflow: the only room that imports it."""
