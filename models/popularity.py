"""Numbers of the day's statistics: how popular a candidate's item and category are, and how lately."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lifelong.data.keys import (
    CANDIDATE_CATEGORY_STATISTICS,
    CANDIDATE_ITEM_STATISTICS,
    REQUEST_STATISTICS,
)

# Logarithms of shares of all events are about -5 to -14.
_SHIFT, _SCALE = 8.0, 4.0


def popularity(batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Returns `[B, N, 14]` float32.

    For the item, then for the category, 7 numbers: logarithms of its share of the events of the last
    7, 28 and 91 days and of all; of these, how the first differs from the third (the trend);
    log(1 + users); and the logarithm of events per user.

    Args:
        batch: Statistics of candidates `[B, N, 5]` and of requests `[B, 5]`, as
            `lifelong.data.day_statistics` has their columns.
    """
    total = tf.cast(batch[REQUEST_STATISTICS], tf.float32)[:, tf.newaxis]
    of_item, of_category = batch[CANDIDATE_ITEM_STATISTICS], batch[CANDIDATE_CATEGORY_STATISTICS]
    # Both at a time, [2, B, N, 5]: half as many operations.
    counts = tf.cast(tf.stack([of_item, of_category]), tf.float32)
    # [2, B, N, 4]
    shares = tf.math.log((counts[..., :-1] + 0.5) / (total[..., :-1] + 1.0))
    users, events = counts[..., -1:], counts[..., -2:-1]
    parts = [
        (shares + _SHIFT) / _SCALE,
        shares[..., :1] - shares[..., 2:3],
        tf.math.log1p(users) / _SCALE,
        tf.math.log((events + 1.0) / (users + 1.0)),
    ]
    return tf.concat(tf.unstack(tf.concat(parts, axis=-1), num=2), axis=-1)
