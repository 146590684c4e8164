"""Finds the model that is served now, with which a new one is compared."""
