"""Tests; a package, so that none that a library brings along is taken for it."""
