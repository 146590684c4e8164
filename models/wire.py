"""The request on the wire: the inputs of `serving_default` by name, shape and type."""

from __future__ import annotations

from collections.abc import Iterable

import tensorflow as tf

from lifelong.models.features import Feature

_PER_REQUEST = ("user", "request_timestamp", "history_length", "candidate_length")
_LISTS = (
    "history_item",
    "history_category",
    "history_timestamp",
    "candidate_item",
    "candidate_category",
)


def wire_spec(features: Iterable[Feature]) -> dict[str, tf.TensorSpec]:
    """Returns what a request consists of: `[B]` or `[B, T]` and `[B, N]` tensors.

    Args:
        features: Extra features of the configuration.
    """
    row, cells = [None], [None, None]
    spec = {key: tf.TensorSpec(row, tf.int64, name=key) for key in _PER_REQUEST}
    spec |= {key: tf.TensorSpec(cells, tf.int64, name=key) for key in _LISTS}
    for feature in features:
        shape = cells if feature.of in ("event", "candidate") else row
        dtype = tf.int64 if feature.is_categorical else tf.float32
        spec[feature.key] = tf.TensorSpec(shape, dtype, name=feature.key)
    return spec
