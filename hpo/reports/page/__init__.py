"""The report page: one HTML file about a search, complete offline and readable without JavaScript."""
