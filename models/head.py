"""The head network: crosses of all that is known of a candidate, then hidden layers, then the logit."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from lifelong.models.config import ModelConfig
from lifelong.models.randomness import drop

keras: Any = tf.keras


class Head(keras.layers.Layer):
    """Makes a logit of each candidate's numbers and vectors: `[B, N, D] -> [B, N]`.

    Args:
        config: Sizes of the layers.

    References:
        - [DCN V2](https://arxiv.org/abs/2008.13535), section 3: low-rank crosses, stacked.
    """

    def __init__(self, config: ModelConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.crosses = [
            # The default initializer begins with crosses of nearly 0, and trains them late.
            tfrs.layers.dcn.Cross(config.cross_dim, kernel_initializer="glorot_uniform")
            for _ in range(config.cross_layers)
        ]
        self.hidden = [keras.layers.Dense(width, activation="relu") for width in config.hidden]
        self.dropout = config.dropout
        self.logit = keras.layers.Dense(1, dtype="float32")

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the logits."""
        values = inputs
        for cross in self.crosses:
            values = cross(inputs, values)
        for dense in self.hidden:
            values = dense(values)
            # Not of the inputs: a network that cannot rely on a count learns none.
            if training:
                values = drop(values, self.dropout)
        return tf.squeeze(self.logit(values), axis=-1)
