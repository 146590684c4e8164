"""Keras layers, models, preprocessing, training and export."""
