"""DIEN: interest states of a GRU, and their evolution towards each candidate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from lifelong.data.keys import HISTORY_ITEM
from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import Embeddings
from lifelong.models.history import History
from lifelong.models.layers import AUGRU, InterestExtractor
from lifelong.models.layers.masks import masked_softmax
from lifelong.models.short_term.base import ShortTermPart

keras: Any = tf.keras


class DienShortTerm(ShortTermPart):
    """Reads the recent events in the order in which they happened: `[B, N, U]`.

    A GRU reads a request's events once; while training, its states have to tell the next event
    from the one at the same place of another request in the batch. Each candidate attends to the
    states by a bilinear form, and an AUGRU runs over them with that attention. U is the size of an
    item's, a category's and a time gap's embedding together.

    References:
        - [Deep Interest Evolution Network](https://arxiv.org/abs/1809.03672)
    """

    def __init__(self, spec: ModelSpec, embeddings: Embeddings, **kwargs) -> None:
        super().__init__(spec, embeddings, **kwargs)
        config = spec.model
        units = config.item_dim + config.category_dim + config.time_gap_dim
        self.extractor = InterestExtractor(
            units, context_size=config.time_gap_dim, name="interest_extractor"
        )
        self.relevance = keras.layers.Dense(units, use_bias=False, name="relevance")
        self.evolution = AUGRU(units, name="interest_evolution")

    def call(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        history: History,
        training: bool = False,
    ) -> tf.Tensor:
        """Returns the interest after the newest event, `[B, N, U]`; adds the auxiliary loss."""
        length = tf.reduce_sum(tf.cast(history.mask, tf.int32), axis=1)
        # [B, S, De + Dt], oldest first; padding stays at the end.
        events = tf.reverse_sequence(self.embed(batch, history), length, seq_axis=1)
        states = self.extractor(events, history.mask)
        if training:
            items = tf.reverse_sequence(history.values[HISTORY_ITEM], length, seq_axis=1)
            loss = self._auxiliary_loss(states, events, items, history.mask)
            self.add_loss(self._spec.model.dien_auxiliary_weight * loss)
        # [B, N, Dc] x [Dc, U], then [B, N, U] x [B, S, U] -> [B, N, S]
        scores = tf.matmul(self.relevance(query), states, transpose_b=True)
        attention = masked_softmax(scores, history.mask[:, tf.newaxis, :])
        return self.evolution(states, attention, history.mask)

    def _auxiliary_loss(
        self, states: tf.Tensor, events: tf.Tensor, items: tf.Tensor, mask: tf.Tensor
    ) -> tf.Tensor:
        """Compares every event with that of the previous request of the batch at its place."""
        # Another event of the same item would not be a negative. This also leaves out a request
        # that is alone in its batch, and so its own neighbour.
        another = items != tf.roll(items, shift=1, axis=0)
        valid = mask & tf.roll(mask, shift=1, axis=0) & another
        negatives = tf.roll(events, shift=1, axis=0)
        return self.extractor.auxiliary_loss(states, events, negatives, valid)
