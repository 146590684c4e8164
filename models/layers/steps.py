"""Sequences as recurrent layers read them: step by step."""

from __future__ import annotations

import tensorflow as tf


def by_step(values: tf.Tensor) -> tf.TensorArray:
    """Cuts `[S, ...]` into steps. Unlike that of a slice, a step's gradient has no zeros around."""
    array = tf.TensorArray(values.dtype, tf.shape(values)[0], element_shape=values.shape[1:])
    return array.unstack(values)
