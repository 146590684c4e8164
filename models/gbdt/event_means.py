"""What a user's events are like on average: the extra features of events, as trees can read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from lifelong.data.features import Feature, features_of
from lifelong.data.keys import CANDIDATE_CATEGORY, HISTORY_CATEGORY, HISTORY_LENGTH
from lifelong.models.layers import length_mask
from lifelong.models.layers.history_index import HistoryIndex, find_runs, index_history

# Of a categorical feature, as many of its most frequent values have a share of their own.
_VALUES = 16


class EventMeans:
    """Means of event features: over all events, the last S, and those of the candidate's category.

    Of a numeric feature the mean, of a categorical one (such as the behaviour type) the share of each
    of its 16 most frequent values.

    Args:
        features: Extra features of the records, of which those of events are read.
        values: Ids of the categorical ones by key, the most frequent first.
        window: S + L, newest events that are read.
        recent: S; 0 leaves their means out.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        values: Mapping[str, np.ndarray],
        window: int,
        recent: int,
    ) -> None:
        self._features = features_of(features, "event")
        self._values = {key: ids[:_VALUES] for key, ids in values.items()}
        # One event at least, so that batches have histories.
        self.window = window if self._features else 1
        self._recent = recent

    def __call__(self, batch: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
        """Returns float32 `[B, N, F]` of each group of events, NaN where it is empty."""
        if not self._features:
            return []
        category = batch[CANDIDATE_CATEGORY]
        # [B, T, F]
        numbers = tf.concat([self._numbers(batch, feature) for feature in self._features], axis=-1)
        events = tf.shape(numbers)[1]
        is_event = length_mask(batch[HISTORY_LENGTH], events)
        history_category = batch[HISTORY_CATEGORY][:, : self.window]
        means = [
            _means(numbers, is_event),
            _means_of_ids(numbers, index_history(history_category, is_event), category),
        ]
        if self._recent:
            means.append(_means(numbers, is_event & (tf.range(events) < self._recent)))
        shape = tf.concat([tf.shape(category), [numbers.shape[-1]]], axis=0)
        return [tf.broadcast_to(of_group, shape) for of_group in means]

    def _numbers(self, batch: Mapping[str, tf.Tensor], feature: Feature) -> tf.Tensor:
        numbers = batch[feature.key][:, : self.window, tf.newaxis]
        if feature.is_categorical:
            numbers = numbers == self._values[feature.key]
        return tf.cast(numbers, tf.float32)


def _means(numbers: tf.Tensor, group: tf.Tensor) -> tf.Tensor:
    """Averages `[B, T, F]` over groups `[B, T]`, the same for all candidates: `[B, 1, F]`."""
    group = tf.cast(group, tf.float32)[:, tf.newaxis]
    return tf.matmul(group, numbers) / tf.reduce_sum(group, axis=-1, keepdims=True)


def _means_of_ids(numbers: tf.Tensor, index: HistoryIndex, wanted: tf.Tensor) -> tf.Tensor:
    """Averages `[B, T, F]` over the events of each of the ids `[B, N]`: `[B, N, F]`.

    Events of an id are a run of the index, so that nothing of size N x T is made.
    """
    ordered = tf.cast(tf.gather(numbers, index.position, batch_dims=1), tf.float64)
    # Of all events before each place, [B, T + 1, F]
    before = tf.pad(tf.cumsum(ordered, axis=1), [[0, 0], [1, 0], [0, 0]])
    first, count = find_runs(index, wanted)
    total = tf.gather(before, first + count, batch_dims=1) - tf.gather(before, first, batch_dims=1)
    return tf.cast(total / tf.cast(count, tf.float64)[..., tf.newaxis], tf.float32)
