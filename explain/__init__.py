"""A look into one prediction, for the terminal and as a local page."""
