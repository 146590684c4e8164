"""SDIM: events whose hash collides with the candidate's are summed, without a search."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import Embeddings
from lifelong.models.history import History
from lifelong.models.layers import HashBucketAttention
from lifelong.models.long_term.base import LongTermPart
from lifelong.models.timed_events import TimedEvents, time_gaps


class SdimLongTerm(LongTermPart):
    """Attention by hash collisions over all L events: `[B, N, D]`, D what the head reads.

    Items and categories are hashed together.

    References:
        - [Sampling is all you need (SDIM)](https://arxiv.org/abs/2205.10249)
    """

    def __init__(self, spec: ModelSpec, embeddings: Embeddings, **kwargs) -> None:
        super().__init__(spec, embeddings, **kwargs)
        self.timed_events = TimedEvents(embeddings, spec.model.time_gap_dim, name="timed_events")
        self.collisions = HashBucketAttention(name="collisions")

    def call(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        history: History,
        training: bool = False,
    ) -> tf.Tensor:
        """Returns the average over hashes of the normalised sums of colliding events."""
        del query, training
        return self.collisions(
            self._embeddings.identities(batch, "candidate"),
            self._embeddings.identities(history.values, "history"),
            self._embeddings.read_by_head(
                self.timed_events(history.values, time_gaps(batch, history.values))
            ),
            history.mask,
        )
