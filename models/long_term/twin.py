"""TWIN: the search ranks by the scores of the attention that reads what it finds."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import Embeddings
from lifelong.models.history import History
from lifelong.models.layers import SearchedEvents
from lifelong.models.layers.searched_events import best_events
from lifelong.models.long_term.base import SearchedHistory
from lifelong.models.long_term.search_training import TrainedSearch
from lifelong.models.timed_events import time_gaps


class TwinLongTerm(SearchedHistory, TrainedSearch):
    """Searches the K events of the highest scores of the exact search unit, summed over its heads.

    Both stages share their weights, time gap included, so that the search finds what the attention
    would weigh most. No gradient flows through the choice: an attention that starts with K events that
    it chose untrained learns little of the others. So it reads all events for some epochs
    (`begin_ahead`) before it searches; the article's search is taken from a trained model likewise.

    References:
        - [TWIN, section 4](https://arxiv.org/abs/2302.02352)
    """

    # The rest of the model learns, too.
    alone = False

    def __init__(self, spec: ModelSpec, embeddings: Embeddings, **kwargs) -> None:
        super().__init__(spec, embeddings, **kwargs)
        self.epochs_ahead = spec.model.twin.ahead_epochs
        self._reads_all = False

    def begin_ahead(self) -> None:
        """Lets the attention read all events."""
        self._reads_all = True

    def end_ahead(self) -> None:
        """Lets it choose events, from now on."""
        self._reads_all = False

    def call(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        history: History,
        training: bool = False,
    ) -> tf.Tensor:
        """Returns the exact search unit's reading, `[B, N, D]`."""
        if self._reads_all:
            return self.attend(batch, query, history)
        return super().call(batch, query, history, training=training)

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
