"""TFX's Transform, which is given the vocabularies instead of counting them."""
