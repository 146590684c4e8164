"""TFX's Trainer, which is given statistics and the item table, too."""
