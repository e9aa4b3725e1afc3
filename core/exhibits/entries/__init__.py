"""One file for each exhibit."""
