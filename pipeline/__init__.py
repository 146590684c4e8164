"""What runs in which order: configuration, the pipeline, its runners and the command line."""
