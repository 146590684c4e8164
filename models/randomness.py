"""Randomness within a model that is trained: which values are dropped, which users pass for unknown.

It comes from TensorFlow's global generator, whose state is set anew for each epoch: so a training that is
interrupted draws, when it goes on, what it would have drawn.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

keras: Any = tf.keras


def seed_training(seed: int, epoch: int = 0) -> None:
    """Sets what is drawn next.

    Args:
        seed: Of the training.
        epoch: Number of the epoch, from 0.
    """
    tf.random.get_global_generator().reset_from_seed([seed, epoch])


def uniform(shape: tf.Tensor) -> tf.Tensor:
    """Draws float32 numbers of [0, 1)."""
    return tf.random.get_global_generator().uniform(shape)


def drop(values: tf.Tensor, rate: float) -> tf.Tensor:
    """Sets a share of values to 0, and raises the others so that their expected sum stays.

    Args:
        values: Of any shape.
        rate: The share; at least 0 and below 1.
    """
    if not rate:
        return values
    return tf.nn.experimental.general_dropout(
        values, rate, uniform_sampler=tf.random.get_global_generator().uniform
    )


class SeedEpochs(keras.callbacks.Callback):
    """Sets what is drawn in each epoch by the seed of the training and the epoch's number."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Sets what is drawn next."""
        seed_training(self._seed, epoch)
