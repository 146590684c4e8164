"""Searches a long history for the events whose signatures are nearest to a candidate's."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lifelong.models.layers.best_places import best_places
from lifelong.models.layers.checks import check_bool, check_dtype, check_shapes, last_size
from lifelong.models.layers.searched_events import (
    EventSearch,
    SearchedEvents,
    best_first,
    capped,
    make_searched_events,
)
from lifelong.models.layers.signature_agreement import (
    agreement_by_product,
    agreement_by_xor,
    place_count,
    position_of,
    score_count,
)

keras: Any = tf.keras

# For fewer, the plain definition is the fastest.
_MANY_CANDIDATES = 32


@keras.utils.register_keras_serializable(package="lifelong")
class HammingSearch(EventSearch):
    """Finds the `k` events of the smallest Hamming distance to each candidate.

    Masked events are never found. Of events at the same distance the one of the smaller position
    wins: the more recent one where histories are sent newest first.

    Args:
        k: Events to find per candidate, at least 1; K = min(k, L).
        ordered: Whether the nearest event comes first. Without, which is faster, events come in any
            order: enough for attention over them.
        jit_compile: Whether XLA compiles the distance, the rest being no better for it: for each
            new shape, which takes part of a second. TensorFlow Serving refuses it by default.
        **kwargs: Of `keras.layers.Layer`.

    Call:
        candidate_signature: `[B, N, W]` int64, W static.
        history_signature: `[B, L, W]` int64.
        history_mask: `[B, L]` bool, True for valid events; all of them by default.

    Returns:
        `SearchedEvents`, tensors of `[B, N, K]`, nearest first if `ordered`; relevance is minus the
        number of differing bits.

    Raises:
        ValueError: If a constructor argument is not usable, a shape or type is not as above, or W is
            unknown.

    Example:
        >>> history = tf.constant([[[0b1111], [0b0001], [0b0111]]], tf.int64)
        >>> found = HammingSearch(k=2)(tf.constant([[[0b0011]]], tf.int64), history)
        >>> found.position.numpy().tolist(), found.relevance.numpy().tolist()
        ([[[1, 2]]], [[[-1.0, -1.0]]])

    References:
        [ETA](https://arxiv.org/abs/2108.04468), Algorithm 1 for the signatures and Table 2 for what
        retrieval by their Hamming distance costs.
    """

    def __init__(
        self, k: int, ordered: bool = True, jit_compile: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(k, **kwargs)
        check_bool("HammingSearch", ordered=ordered, jit_compile=jit_compile)
        self.ordered = ordered
        self.jit_compile = jit_compile

    def compute(
        self,
        candidate_signature: tf.Tensor,
        history_signature: tf.Tensor,
        history_mask: tf.Tensor | None = None,
    ) -> SearchedEvents:
        """Searches; see the class."""
        self._check(candidate_signature, history_signature, history_mask)
        if history_mask is None:
            history_mask = tf.ones(tf.shape(history_signature)[:2], tf.bool)
        k = capped(self.k, history_signature, axis=1)
        signatures = (candidate_signature, history_signature, history_mask)
        # [B, N, K]
        position, score = tf.cond(
            tf.shape(candidate_signature)[1] < _MANY_CANDIDATES,
            lambda: self._search_for_few(*signatures, k),
            lambda: self._search_for_many(*signatures, k),
        )
        # The score of an event whose bits all agree is the largest one.
        best = score_count(history_signature.shape[-1]) - 1
        relevance = tf.cast(tf.cast(score, tf.int32) - best, tf.float32)
        events = make_searched_events(position, score > 0, relevance)
        return best_first(events) if self.ordered else events

    def _search_for_few(
        self, candidate: tf.Tensor, history: tf.Tensor, mask: tf.Tensor, k: int | tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        scores = agreement_by_xor(candidate, history, mask, self.jit_compile)
        # Of equal scores, top_k puts the smaller position first.
        score, position = tf.math.top_k(scores, k)
        return position, score

    def _search_for_many(
        self, candidate: tf.Tensor, history: tf.Tensor, mask: tf.Tensor, k: int | tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        # Asked of the inputs, sizes are there before the scores are.
        sizes, length = tf.shape(candidate), tf.shape(history)[1]
        values = score_count(history.shape[-1])
        if self.jit_compile:
            shape = (sizes[0] * sizes[1], length)
            scores = agreement_by_xor(candidate, history, mask, jit_compile=True)
            position, score = best_places(tf.reshape(scores, shape), k, values, shape)
        else:
            shape = (sizes[0] * sizes[1], place_count(length))
            scores = agreement_by_product(candidate, history, mask)
            place, score = best_places(tf.reshape(scores, shape), k, values, shape)
            position = position_of(place)
        # [B N, K] -> [B, N, K]
        found = [sizes[0], sizes[1], k]
        return tf.reshape(position, found), tf.reshape(score, found)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "ordered": self.ordered,
            "jit_compile": self.jit_compile,
        }

    def _check(self, candidate: tf.Tensor, history: tf.Tensor, mask: tf.Tensor | None) -> None:
        check_dtype("HammingSearch", "candidate_signature", candidate, tf.int64)
        check_dtype("HammingSearch", "history_signature", history, tf.int64)
        check_dtype("HammingSearch", "history_mask", mask, tf.bool)
        check_shapes(
            "HammingSearch",
            {
                "candidate_signature": (candidate, "B N W"),
                "history_signature": (history, "B L W"),
                "history_mask": (mask, "B L"),
            },
        )
        last_size("HammingSearch", "history_signature", history.shape, "B L W")
