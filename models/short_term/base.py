"""The interface of short-term parts, and how all of them embed events."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import Embeddings
from lifelong.models.history import History
from lifelong.models.timed_events import TimedEvents, time_gaps

keras: Any = tf.keras


class ShortTermPart(keras.layers.Layer, abc.ABC):
    """Reads the most recent events of a request for each of its candidates.

    Args:
        spec: Architecture, features and vocabulary sizes.
        embeddings: The model's embedding tables, shared.
    """

    def __init__(self, spec: ModelSpec, embeddings: Embeddings, **kwargs) -> None:
        super().__init__(**kwargs)
        self._spec = spec
        self._embeddings = embeddings
        self.timed_events = TimedEvents(embeddings, spec.model.time_gap_dim, name="timed_events")

    @abc.abstractmethod
    def call(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        history: History,
        training: bool = False,
    ) -> tf.Tensor:
        """Returns the short-term interest in every candidate.

        Args:
            batch: Wire tensors of the requests, ids as embedding rows.
            query: Embedded candidates, `[B, N, Dc]`.
            history: The short part of the history, `[B, S]`, newest first.
            training: Whether the model is being trained; a part may add a loss of its own then.

        Returns:
            `[B, N, D]`; zeros for a request without events.
        """

    def embed(self, batch: Mapping[str, tf.Tensor], history: History) -> tf.Tensor:
        """Embeds events and, unless left out, the time from each to the request.

        Args:
            batch: Wire tensors of the requests.
            history: The short part of the history, `[B, S]`.

        Returns:
            `[B, S, De + Dt]`, the time last.
        """
        return self.timed_events(history.values, time_gaps(batch, history.values))
