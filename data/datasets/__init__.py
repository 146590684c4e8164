"""Published data sets, each prepared as a log that the pipeline reads."""
