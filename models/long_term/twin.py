"""TWIN: the search ranks by the scores of the attention that reads what it finds."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lifelong.models.history import History
from lifelong.models.layers import SearchedEvents
from lifelong.models.layers.searched_events import best_events
from lifelong.models.long_term.base import SearchedHistory
from lifelong.models.timed_events import time_gaps


class TwinLongTerm(SearchedHistory):
    """Searches the K events of the highest scores of the exact search unit, summed over its heads.

    Both stages share their weights, time gap included, so that the search finds what the attention
    would weigh most. No gradient flows through the choice.

    References:
        - [TWIN, section 4](https://arxiv.org/abs/2302.02352)
    """

    def search(
        self, batch: Mapping[str, tf.Tensor], query: tf.Tensor, history: History
    ) -> SearchedEvents:
        """Finds the events that the exact search unit scores highest."""
        # [B, L, De + Dt]
        events = self.timed_events(history.values, time_gaps(batch, history.values))
        relevance = self.exact_search.relevance(query, events)
        return best_events(
            tf.stop_gradient(relevance), history.mask, self._spec.model.searched_events
        )
