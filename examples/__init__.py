"""Whole uses of the layers, to run and to copy."""
