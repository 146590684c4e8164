"""Counts all users' events by item, category and day."""
