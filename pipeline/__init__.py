"""What runs in which order: configuration, the pipeline and its runners."""
