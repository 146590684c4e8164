"""The baseline that averages the long history."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import Embeddings
from lifelong.models.history import History
from lifelong.models.long_term.base import LongTermPart
from lifelong.models.timed_events import TimedEvents, time_gaps


class MeanLongTerm(LongTermPart):
    """Averages the long history, the same for all candidates: `[B, N, D]`, D what the head reads."""

    def __init__(self, spec: ModelSpec, embeddings: Embeddings, **kwargs) -> None:
        super().__init__(spec, embeddings, **kwargs)
        self.timed_events = TimedEvents(embeddings, spec.model.time_gap_dim, name="timed_events")

    def call(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        history: History,
        training: bool = False,
    ) -> tf.Tensor:
        """Returns the mean of the events, zeros for a history without any."""
        del training
        # [B, L, D]
        events = self._embeddings.read_by_head(
            self.timed_events(history.values, time_gaps(batch, history.values))
        )
        valid = tf.cast(history.mask, events.dtype)
        total = tf.einsum("bl,bld->bd", valid, events)
        mean = total / tf.maximum(tf.reduce_sum(valid, axis=1, keepdims=True), 1.0)
        return tf.repeat(mean[:, tf.newaxis, :], tf.shape(query)[1], axis=1)
