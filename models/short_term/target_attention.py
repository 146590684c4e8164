"""DIN: target attention over the most recent events."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import Embeddings
from lifelong.models.history import History
from lifelong.models.layers import TargetAttention
from lifelong.models.short_term.base import ShortTermPart


class TargetAttentionShortTerm(ShortTermPart):
    """Weighs every recent event against the candidate: `[B, N, D]`, D what the head reads of an event.

    References:
        - [Deep Interest Network, section 4.3](https://arxiv.org/abs/1706.06978)
    """

    def __init__(self, spec: ModelSpec, embeddings: Embeddings, **kwargs) -> None:
        super().__init__(spec, embeddings, **kwargs)
        self.attention = TargetAttention(name="attention")

    def call(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        history: History,
        training: bool = False,
    ) -> tf.Tensor:
        """Returns the weighted sum of the events, `[B, N, D]`."""
        del training
        interest = self.attention(query, self.embed(batch, history), history.mask)
        return self._embeddings.read_by_head(interest)
