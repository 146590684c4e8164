"""The interface of long-term parts, and what all parts that search have in common."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import Embeddings
from lifelong.models.history import History
from lifelong.models.layers import (
    ExactSearchUnit,
    SearchedEvents,
    TimeGapEmbedding,
    gather_events,
)

keras: Any = tf.keras


class LongTermPart(keras.layers.Layer, abc.ABC):
    """Reads the long history of a request for each of its candidates.

    Args:
        spec: Architecture, features and vocabulary sizes.
        embeddings: The model's embedding tables, shared.
    """

    def __init__(self, spec: ModelSpec, embeddings: Embeddings, **kwargs) -> None:
        super().__init__(**kwargs)
        self._spec = spec
        self._embeddings = embeddings

    def bake(self) -> list[tf.Variable]:
        """Computes what depends on weights and items alone, and looks it up from now on.

        Returns:
            The tables that are looked up; none unless a part has some.
        """
        return []

    @abc.abstractmethod
    def call(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        history: History,
    ) -> tf.Tensor:
        """Returns the long-term interest in every candidate.

        Args:
            batch: Wire tensors of the requests, ids as embedding rows.
            query: Embedded candidates, `[B, N, Dc]`.
            history: The long part of the history, `[B, L]`.

        Returns:
            `[B, N, D]`; D may be 0.
        """


class SearchedHistory(LongTermPart):
    """A general search unit (`search`, by subclasses), then the exact search unit on what it found.

    References:
        - [Search-based User Interest Modeling, section 3](https://arxiv.org/abs/2006.05639)
    """

    def __init__(self, spec: ModelSpec, embeddings: Embeddings, **kwargs) -> None:
        super().__init__(spec, embeddings, **kwargs)
        config = spec.model
        self.time_gap = TimeGapEmbedding(config.time_gap_dim, name="time_gap")
        self.exact_search = ExactSearchUnit(config.heads, config.head_dim, name="exact_search")

    @abc.abstractmethod
    def search(self, batch: Mapping[str, tf.Tensor], history: History) -> SearchedEvents:
        """Finds at most K events of the long history for every candidate.

        Args:
            batch: Wire tensors of the requests, ids as embedding rows.
            history: The long part of the history, `[B, L]`.

        Returns:
            Positions in the long part, mask and distance, `[B, N, K]` each, best match first.
        """

    def call(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        history: History,
    ) -> tf.Tensor:
        """Returns the exact search unit's reading of the searched events, `[B, N, D]`."""
        return self.attend(batch, query, history, self.search(batch, history))

    def attend(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        history: History,
        found: SearchedEvents,
    ) -> tf.Tensor:
        """Attends over events that a search has found.

        Args:
            batch: Wire tensors of the requests.
            query: Embedded candidates, `[B, N, Dc]`.
            history: The part of the history that was searched, `[B, L]`.
            found: What the search returned for it.

        Returns:
            `[B, N, D]`.
        """
        # Ids are gathered, not vectors: only searched events are embedded.
        values = {
            key: gather_events(value, found.position) for key, value in history.values.items()
        }
        gaps = batch["request_timestamp"][:, tf.newaxis, tf.newaxis] - values["history_timestamp"]
        # [B, N, K, De + Dt]: z_b = [e_b ; time gap]
        events = tf.concat([self._embeddings.events(values), self.time_gap(gaps)], axis=-1)
        return self.exact_search(query, events, found.mask)
