"""The baseline without a long-term part."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lifelong.models.history import History
from lifelong.models.long_term.base import LongTermPart


class NoLongTerm(LongTermPart):
    """Reads nothing of the long history: `[B, N, 0]`."""

    def call(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        history: History,
        training: bool = False,
    ) -> tf.Tensor:
        """Returns no columns."""
        del batch, history, training
        return query[:, :, :0]
