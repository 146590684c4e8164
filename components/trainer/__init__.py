"""TFX's Trainer, which is given the item table, too."""
