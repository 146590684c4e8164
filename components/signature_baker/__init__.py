"""Replaces hashing by look-up: bakes the signature of every item into the SavedModel."""
