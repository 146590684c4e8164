"""MIMN: a memory of a fixed number of slots, written event by event and read by each candidate."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import Embeddings
from lifelong.models.history import History
from lifelong.models.layers import InterestMemory
from lifelong.models.long_term.base import LongTermPart
from lifelong.models.timed_events import TimedEvents, time_gaps


class MimnLongTerm(LongTermPart):
    """Reads a memory of the long history: `[B, N, 2 U]`, U the size of slots and of channels.

    The memory is written once for all candidates of a request, with an additional loss in training
    where its slots are used unevenly. Items decide where events are written and read; what is
    written is what the head reads. `InterestMemory` tells where it differs from the article's.

    The article keeps each user's memory and writes an event when it happens. Here a request's
    history is written at once, as events carry the time from them to the request, and of it only the
    newest `mimn.written_length` events: a step waits for the one before, and a thousand of them
    take minutes where an attention takes seconds.

    References:
        - [MIMN, section 4](https://arxiv.org/abs/1905.09248)
    """

    def __init__(self, spec: ModelSpec, embeddings: Embeddings, **kwargs) -> None:
        super().__init__(spec, embeddings, **kwargs)
        self._config = spec.model.mimn
        self.timed_events = TimedEvents(embeddings, spec.model.time_gap_dim, name="timed_events")
        self.memory = InterestMemory(
            self._config.units, self._config.slots, self._config.channels, name="memory"
        )

    def call(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        history: History,
        training: bool = False,
    ) -> tf.Tensor:
        """Returns what is read of the slots, then of the channels; adds the utilization loss."""
        newest = slice(self._config.written_length)
        values = {key: value[:, newest] for key, value in history.values.items()}
        mask = history.mask[:, newest]
        length = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
        # [B, L, De + Dt], oldest first; padding stays at the end.
        events = self.timed_events(values, time_gaps(batch, values))
        events = tf.reverse_sequence(events, length, seq_axis=1)
        read, utilization = self.memory(
            query,
            events,
            self._embeddings.read_by_head(events),
            mask,
            return_utilization=True,
        )
        if training:
            loss = self.memory.utilization_loss(utilization)
            self.add_loss(self._config.utilization_weight * loss)
        return read
