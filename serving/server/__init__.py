"""Embedded model server that speaks TensorFlow Serving's gRPC."""
