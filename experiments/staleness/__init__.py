"""What an index costs that lags behind its model: `lifelong staleness`."""
