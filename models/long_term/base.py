"""The interface of long-term parts, and what those that attend or search have in common."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import Embeddings, IdTable
from lifelong.models.history import History
from lifelong.models.layers import ExactSearchUnit, HammingSearch, SearchedEvents, gather_events
from lifelong.models.layers.searched_events import best_first, make_searched_events
from lifelong.models.timed_events import TimedEvents, time_gaps

keras: Any = tf.keras


class LongTermPart(keras.layers.Layer, abc.ABC):
    """Reads the long history of a request for each of its candidates.

    Args:
        spec: Architecture, features and vocabulary sizes.
        embeddings: The model's embedding tables, shared.

    Attributes:
        bakes_exactly: Whether scores stay the same once `bake` was called.
    """

    bakes_exactly = True

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

    def id_tables(self) -> list[IdTable]:
        """Returns what has a row for each id of a vocabulary and is the part's own."""
        return []

    @property
    def signature_search(self) -> HammingSearch | None:
        """The search that compares signatures, if there is one as the part is now."""
        return None

    @abc.abstractmethod
    def call(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        history: History,
        training: bool = False,
    ) -> tf.Tensor:
        """Returns the long-term interest in every candidate.

        Args:
            batch: Wire tensors of the requests, ids as embedding rows.
            query: Embedded candidates, `[B, N, Dc]`.
            history: The long part of the history, `[B, L]`.
            training: Whether the model is being trained; a part may add a loss of its own then.

        Returns:
            `[B, N, D]`; D may be 0.
        """


class AttendedHistory(LongTermPart):
    """The exact search unit: attention over events.

    References:
        - [Search-based User Interest Modeling, section 3](https://arxiv.org/abs/2006.05639)
    """

    def __init__(self, spec: ModelSpec, embeddings: Embeddings, **kwargs) -> None:
        super().__init__(spec, embeddings, **kwargs)
        config = spec.model
        self.timed_events = TimedEvents(embeddings, config.time_gap_dim, name="timed_events")
        self.exact_search = ExactSearchUnit(config.heads, config.head_dim, name="exact_search")

    def attend(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        events: History,
        return_attention_scores: bool = False,
    ) -> Any:
        """Attends over events.

        Args:
            batch: Wire tensors of the requests, ids as embedding rows.
            query: Embedded candidates, `[B, N, Dc]`.
            events: Those of each candidate, `[B, N, K]`, or of the request, `[B, L]`.
            return_attention_scores: See `ExactSearchUnit`.

        Returns:
            `[B, N, D]`, the heads; with `return_attention_scores` also the weights.
        """
        embedded = self.timed_events(events.values, time_gaps(batch, events.values))
        values = self._embeddings.read_by_head(embedded)
        return self.exact_search(
            query,
            embedded,
            events.mask,
            values,
            return_attention_scores=return_attention_scores,
        )

    def attended(
        self, batch: Mapping[str, tf.Tensor], query: tf.Tensor, history: History
    ) -> SearchedEvents:
        """Returns the events that are attended to for every candidate: here all of them.

        Args:
            batch: Wire tensors of the requests, ids as embedding rows.
            query: Embedded candidates, `[B, N, Dc]`.
            history: The long part of the history, `[B, L]`.

        Returns:
            Positions in the long part, mask and relevance, `[B, N, K]` each; K is L if all are.
        """
        del batch
        shape = tf.shape(history.mask)
        shape = [shape[0], tf.shape(query)[1], shape[1]]
        return make_searched_events(
            tf.broadcast_to(tf.range(shape[2]), shape),
            tf.broadcast_to(history.mask[:, tf.newaxis], shape),
            tf.ones(shape),
        )

    def attention(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        history: History,
        found: SearchedEvents,
    ) -> tf.Tensor:
        """Returns the weight that each head gives each event, `[B, N, H, K]`; 0 for none.

        Args:
            batch: Wire tensors of the requests, ids as embedding rows.
            query: Embedded candidates, `[B, N, Dc]`.
            history: The part of the history that the events are of, `[B, L]`.
            found: Those that are attended to.
        """
        events = gather_found(history, found)
        return self.attend(batch, query, events, return_attention_scores=True)[1]


class SearchedHistory(AttendedHistory):
    """A general search unit (`search`, by subclasses), then the exact search unit on what it found."""

    @abc.abstractmethod
    def search(
        self, batch: Mapping[str, tf.Tensor], query: tf.Tensor, history: History
    ) -> SearchedEvents:
        """Finds at most K events of the long history for every candidate.

        Args:
            batch: Wire tensors of the requests, ids as embedding rows.
            query: Embedded candidates, `[B, N, Dc]`.
            history: The long part of the history, `[B, L]`.

        Returns:
            Positions in the long part, mask and relevance, `[B, N, K]` each, in any order.
        """

    def attended(
        self, batch: Mapping[str, tf.Tensor], query: tf.Tensor, history: History
    ) -> SearchedEvents:
        """Returns the events that the search finds, best first."""
        return best_first(self.search(batch, query, history))

    def call(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        history: History,
        training: bool = False,
    ) -> tf.Tensor:
        """Returns the exact search unit's reading of the searched events, `[B, N, D]`."""
        del training
        return self.attend_found(batch, query, history, self.search(batch, query, history))

    def attend_found(
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
        return self.attend(batch, query, gather_found(history, found))


def gather_found(history: History, found: SearchedEvents) -> History:
    """Returns the events that a search has found, `[B, N, K]`.

    Ids are gathered, not vectors, so that only these events are embedded.

    Args:
        history: The part of the history that was searched, `[B, L]`.
        found: What the search returned for it.
    """
    values = {key: gather_events(value, found.position) for key, value in history.values.items()}
    return History(values, found.mask)
