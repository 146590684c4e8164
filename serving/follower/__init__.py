"""Follows a live log of events and appends them to the behaviour store."""
