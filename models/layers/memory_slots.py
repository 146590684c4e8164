"""What a neural Turing machine does with its slots.

Products of matrices as small as these are sums here: TensorFlow's batches of them take several times
as long. Axes are added by `expand_dims`, whose gradient is cheaper than that of an index.
"""

from __future__ import annotations

import tensorflow as tf


def address_slots(key: tf.Tensor, strength: tf.Tensor, addresses: tf.Tensor) -> tf.Tensor:
    """Returns weights of slots by the cosines of their addresses with keys.

    Args:
        key: `[B, K, U]`.
        strength: `[B, K, 1]`; cosines are multiplied by 1 + softplus of it.
        addresses: `[B, m, U]`.

    Returns:
        `[B, K, m]`, adding up to 1.
    """
    key, addresses = tf.math.l2_normalize(key, axis=-1), tf.math.l2_normalize(addresses, axis=-1)
    cosine = tf.reduce_sum(tf.expand_dims(key, 2) * tf.expand_dims(addresses, 1), axis=-1)
    return tf.nn.softmax((1 + tf.nn.softplus(strength)) * cosine)


def mix_slots(weights: tf.Tensor, slots: tf.Tensor) -> tf.Tensor:
    """Returns weighted sums: `[B, m]` and `[B, m, D]` to `[B, D]`."""
    return tf.reduce_sum(tf.expand_dims(weights, -1) * slots, axis=1)


def write_slots(
    slots: tf.Tensor, weights: tf.Tensor, forget: tf.Tensor, add: tf.Tensor
) -> tf.Tensor:
    """Returns slots `[B, m, U]` after a write.

    Args:
        slots: `[B, m, U]`.
        weights: `[B, m]`; a slot of weight 0 stays as it is.
        forget: `[B, U]`, logits of the erase vector.
        add: `[B, U]`, the add vector.
    """
    erased = tf.expand_dims(tf.sigmoid(forget), 1) * slots
    return slots + tf.expand_dims(weights, -1) * (tf.expand_dims(add, 1) - erased)


def shares_of_writes(utilization: tf.Tensor) -> tf.Tensor:
    """Returns write weights as shares of their sum, `[B, m]`; zeros before the first write."""
    return tf.math.divide_no_nan(utilization, tf.reduce_sum(utilization, axis=1, keepdims=True))
