"""The page about a run: what was trained, on what, how good it is, what its search finds, how it serves."""
