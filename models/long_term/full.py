"""Attention over the whole long history: the quality that a search can reach, without its speed."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lifelong.models.history import History
from lifelong.models.long_term.base import AttendedHistory


class FullLongTerm(AttendedHistory):
    """The exact search unit over all L events."""

    def call(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        history: History,
        training: bool = False,
    ) -> tf.Tensor:
        """Returns the exact search unit's reading of all events, `[B, N, D]`."""
        del training
        return self.attend(batch, query, history)
