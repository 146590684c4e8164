"""Embeds the time between two events on a logarithmic scale."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lifelong.models.layers.checks import check_dtype, check_positive

keras: Any = tf.keras

TEN_YEARS = 10 * 365 * 24 * 3600


@keras.utils.register_keras_serializable(package="lifelong")
class TimeGapEmbedding(keras.layers.Layer):
    """Embeds time gaps by the bucket they fall in; a bucket's width grows with the gap.

    Bucket 0 holds gaps of at most 0 s, bucket 1 starts at 1 s, the last bucket at
    `max_gap_seconds`; in between the starts are a geometric sequence, rounded to whole seconds and
    at least 1 s apart.

    Args:
        dim: Size of an embedding.
        buckets: Number of buckets, at least 3. By default each is about twice as wide as the one
            before.
        max_gap_seconds: Where the last bucket starts, in seconds; at least `buckets`.
        **kwargs: Of `keras.layers.Layer`.

    Call:
        gaps: `[...]` int64 or int32, seconds.

    Returns:
        `[..., dim]` floating point.

    Raises:
        ValueError: If `gaps` are not integers, or a constructor argument is not usable.

    Example:
        >>> layer = TimeGapEmbedding(dim=4, buckets=5, max_gap_seconds=1000)
        >>> layer.bucket(tf.constant([-5, 0, 1, 9, 10, 99, 100, 1000, 10**12])).numpy().tolist()
        [0, 0, 1, 1, 2, 2, 3, 4, 4]

    References:
        [SIM](https://arxiv.org/abs/2006.05639), section "Exact Search Unit": z_b is the event's
        embedding and that of the time between event and candidate.
    """

    def __init__(
        self,
        dim: int,
        buckets: int = 32,
        max_gap_seconds: int = TEN_YEARS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_positive(
            "TimeGapEmbedding", dim=dim, buckets=buckets, max_gap_seconds=max_gap_seconds
        )
        if buckets < 3:
            raise ValueError(f"TimeGapEmbedding: `buckets` is {buckets}; expected at least 3")
        if not buckets <= max_gap_seconds < 2**63:
            raise ValueError(
                f"TimeGapEmbedding: `max_gap_seconds` is {max_gap_seconds}; expected at least as "
                f"many seconds as `buckets` = {buckets}, and fewer than 2**63"
            )
        self.dim = dim
        self.buckets = buckets
        self.max_gap_seconds = max_gap_seconds
        self.starts = _bucket_starts(buckets, max_gap_seconds)

    def build(self, input_shape: Any) -> None:
        """Creates the table `[buckets, dim]`."""
        self.table = self.add_weight(
            name="table", shape=(self.buckets, self.dim), initializer="uniform"
        )
        self.built = True

    def bucket(self, gaps: tf.Tensor) -> tf.Tensor:
        """Returns the bucket of each gap.

        Args:
            gaps: `[...]` int64 or int32, seconds.

        Returns:
            `[...]` int32 in 0..buckets-1.
        """
        gaps = tf.convert_to_tensor(gaps)
        check_dtype("TimeGapEmbedding", "gaps", gaps, tf.int64, tf.int32)
        # Comparing whole seconds is exact where a logarithm would round.
        starts = tf.constant(self.starts, tf.int64)
        # Not tf.searchsorted, which takes no axis of size 0.
        bucket = tf.raw_ops.UpperBound(
            sorted_inputs=starts[tf.newaxis], values=tf.reshape(tf.cast(gaps, tf.int64), [1, -1])
        )
        return tf.reshape(bucket, tf.shape(gaps))

    def call(self, gaps: tf.Tensor) -> tf.Tensor:
        """Embeds `gaps`."""
        return tf.gather(tf.convert_to_tensor(self.table), self.bucket(gaps))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "dim": self.dim,
            "buckets": self.buckets,
            "max_gap_seconds": self.max_gap_seconds,
        }


def _bucket_starts(buckets: int, max_gap_seconds: int) -> tuple[int, ...]:
    """Returns where buckets 1, 2, ... start, in seconds, strictly increasing."""
    last = buckets - 2
    starts = [1]
    for index in range(1, last):
        geometric = round(max_gap_seconds ** (index / last))
        starts.append(max(geometric, starts[-1] + 1))
    return (*starts, max_gap_seconds)
