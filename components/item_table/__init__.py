"""Makes one table of all items and their features, which the model looks up."""
