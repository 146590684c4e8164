"""Events as the attention sees them: their embedding, and the time from them to the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from lifelong.data.keys import HISTORY_TIMESTAMP, REQUEST_TIMESTAMP
from lifelong.models.embeddings import Embeddings
from lifelong.models.layers import TimeGapEmbedding

keras: Any = tf.keras


class TimedEvents(keras.layers.Layer):
    """Embeds events and, unless left out, the time gap: z_b = [e_b ; time gap].

    Args:
        embeddings: The model's embedding tables, shared.
        time_gap_dim: Size Dt of the time gap's embedding; 0 leaves it out.
    """

    def __init__(self, embeddings: Embeddings, time_gap_dim: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self._embeddings = embeddings
        self.time_gap = TimeGapEmbedding(time_gap_dim, name="time_gap") if time_gap_dim else None

    def call(self, values: Mapping[str, tf.Tensor], gaps: tf.Tensor) -> tf.Tensor:
        """Returns `[..., De + Dt]`, the time last.

        Args:
            values: Event tensors `[...]` by wire key, ids as embedding rows.
            gaps: `[...]` int64, seconds from each event to its request, as `time_gaps` gives them.
        """
        events = self._embeddings.events(values)
        if self.time_gap is None:
            return events
        return tf.concat([events, self.time_gap(gaps)], axis=-1)


def time_gaps(batch: Mapping[str, tf.Tensor], values: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Returns the seconds from each event to its request, of the shape of the events.

    Args:
        batch: Wire tensors of B requests.
        values: Event tensors `[B, ...]` by wire key.
    """
    events = values[HISTORY_TIMESTAMP]
    requests = batch[REQUEST_TIMESTAMP]
    return tf.reshape(requests, [-1, *[1] * (events.shape.rank - 1)]) - events
