"""Running a submitted or resumed search: its parts and what drives them."""
