"""Running a search: what a submitted or resumed search is assembled from and driven by."""
