"""Clusters of vectors: k-means."""

from __future__ import annotations

import tensorflow as tf

_STEPS = 15


def find_centers(vectors: tf.Tensor, count: int) -> tf.Tensor:
    """Returns the centers of clusters, by Lloyd's steps from vectors that are drawn, always the same.

    Args:
        vectors: `[R, D]` floating point.
        count: C, at most R.

    Returns:
        `[C, D]`. A cluster that lost all of its vectors keeps the center it had.
    """
    drawn = tf.random.experimental.stateless_shuffle(tf.range(tf.shape(vectors)[0]), seed=[0, 0])
    centers = tf.gather(vectors, drawn[:count])
    for _ in range(_STEPS):
        cluster = nearest_center(vectors, centers)
        size = tf.cast(tf.math.bincount(cluster, minlength=count), vectors.dtype)[:, tf.newaxis]
        total = tf.math.unsorted_segment_sum(vectors, cluster, count)
        centers = tf.where(size > 0, total / tf.maximum(size, 1), centers)
    return centers


def nearest_center(vectors: tf.Tensor, centers: tf.Tensor) -> tf.Tensor:
    """Returns the cluster of each vector, the one of the smallest Euclidean distance.

    Args:
        vectors: `[R, D]`.
        centers: `[C, D]`.

    Returns:
        `[R]` int32.
    """
    # |v - c|^2 without |v|^2, which is the same for all centers.
    square = tf.reduce_sum(tf.square(centers), axis=-1)
    distance = square - 2 * tf.matmul(vectors, centers, transpose_b=True)
    return tf.argmin(distance, axis=-1, output_type=tf.int32)
