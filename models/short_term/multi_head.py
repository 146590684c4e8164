"""Multi-head attention over the most recent events: what the exact search unit is to the long ones."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import Embeddings
from lifelong.models.history import History
from lifelong.models.layers import ExactSearchUnit
from lifelong.models.short_term.base import ShortTermPart


class MultiHeadShortTerm(ShortTermPart):
    """Attends over every recent event with many heads: `[B, N, H D]`, D what the head reads of an event.

    Events are projected once for all candidates, where DIN has a network for each pair of them.

    References:
        - [Search-based User Interest Modeling, section 3.2](https://arxiv.org/abs/2006.05639)
    """

    def __init__(self, spec: ModelSpec, embeddings: Embeddings, **kwargs) -> None:
        super().__init__(spec, embeddings, **kwargs)
        config = spec.model
        self.attention = ExactSearchUnit(config.heads, config.head_dim, name="attention")

    def call(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        history: History,
        training: bool = False,
    ) -> tf.Tensor:
        """Returns the heads, `[B, N, H D]`."""
        del training
        events = self.embed(batch, history)
        values = self._embeddings.read_by_head(events)
        return self.attention(query, events, history.mask, values)
