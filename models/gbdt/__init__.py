"""Gradient-boosted trees on hand-made features of the history: what a long-sequence model must beat."""
