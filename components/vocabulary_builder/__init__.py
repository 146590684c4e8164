"""Counts the ids of the training records and gives each its row, for good."""
