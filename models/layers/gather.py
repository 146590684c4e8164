"""Gathers the events that a search found."""

from __future__ import annotations

import tensorflow as tf

from lifelong.models.layers.checks import check_dtype, check_shapes


def gather_events(values: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
    """Gathers each candidate's events from its request's history.

    Args:
        values: `[B, L, ...]`, a value or vector per event of the history.
        position: `[B, N, K]` int32 or int64, positions in 0..L-1.

    Returns:
        `[B, N, K, ...]` of the type of `values`.

    Raises:
        ValueError: If `position` is not `[B, N, K]` or not of an integer type, `values` has fewer
            than two dimensions, or their B differ.

    Example:
        >>> history = tf.constant([[10, 20, 30]])
        >>> gather_events(history, tf.constant([[[2, 0], [1, 1]]])).numpy().tolist()
        [[[30, 10], [20, 20]]]
    """
    values = tf.convert_to_tensor(values)
    position = tf.convert_to_tensor(position)
    check_dtype("gather_events", "position", position, tf.int32, tf.int64)
    rest = [f"D{axis}" for axis in range(2, max(values.shape.rank or 2, 2))]
    check_shapes(
        "gather_events",
        {"values": (values, " ".join(["B", "L", *rest])), "position": (position, "B N K")},
    )
    # [B, L, ...] x [B, N, K] -> [B, N, K, ...]
    return tf.gather(values, position, batch_dims=1)
