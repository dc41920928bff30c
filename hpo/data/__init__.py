"""Reading data once, splitting it, and keeping the test part sealed."""
