"""Metrics as functions of rows: what each row contributes to a score, and which rows belong together."""
