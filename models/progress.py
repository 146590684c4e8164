"""What training prints while it runs."""

from __future__ import annotations

import math
import time
from typing import Any

import tensorflow as tf

keras: Any = tf.keras

_SECONDS_BETWEEN_LINES = 15.0


class EpochReport(keras.callbacks.Callback):
    """Prints a line every few seconds and one at the end of each epoch.

    Args:
        epochs: Epochs of the training, at most.
        steps: Batches of an epoch.
    """

    def __init__(self, epochs: int, steps: int) -> None:
        super().__init__()
        self._epochs, self._steps = epochs, steps
        self._epoch = 0
        self._started = self._printed = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts the epoch's clock."""
        self._epoch = epoch + 1
        self._started = self._printed = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Prints the batch and the loss if the last line is old enough."""
        now = time.monotonic()
        if now - self._printed >= _SECONDS_BETWEEN_LINES:
            self._printed = now
            rate = (batch + 1) / (now - self._started)
            loss = (logs or {}).get("loss", math.nan)
            self._print(f"batch {batch + 1}/{self._steps}, {rate:.1f} batches/s, loss {loss:.4f}")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Prints the losses and AUCs of the epoch."""
        values = logs or {}
        seconds = time.monotonic() - self._started
        text = f"{seconds:.0f} s, training loss {values['loss']:.4f} AUC {values['auc']:.4f}"
        if "val_auc" in values:
            text += f", validation loss {values['val_loss']:.4f} AUC {values['val_auc']:.4f}"
        self._print(text)

    def _print(self, text: str) -> None:
        print(f"[training] epoch {self._epoch}/{self._epochs}: {text}", flush=True)
