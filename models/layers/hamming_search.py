"""Searches a long history for the events whose signatures are nearest to a candidate's."""

from __future__ import annotations

import functools
import operator
from typing import Any

import tensorflow as tf

from lifelong.models.layers.checks import check_dtype, check_shapes
from lifelong.models.layers.searched_events import (
    EventSearch,
    SearchedEvents,
    as_tensors,
    best_events,
)

keras: Any = tf.keras

WORD_BITS = 64


@keras.utils.register_keras_serializable(package="lifelong")
class HammingSearch(EventSearch):
    """Finds the `k` events of the smallest Hamming distance to each candidate.

    Masked events are never found. Of events at the same distance the one of the smaller position
    wins: the more recent one where histories are sent newest first.

    Args:
        k: Events to find per candidate, at least 1; K = min(k, L).
        **kwargs: Of `keras.layers.Layer`.

    Call:
        candidate_signature: `[B, N, W]` int64, W static.
        history_signature: `[B, L, W]` int64.
        history_mask: `[B, L]` bool, True for valid events; all of them by default.

    Returns:
        `SearchedEvents`, tensors of `[B, N, K]`, nearest first; relevance is minus the number of
        differing bits.

    Raises:
        ValueError: If `k` is not usable, a shape or type is not as above, or W is unknown.

    Example:
        >>> history = tf.constant([[[0b1111], [0b0001], [0b0111]]], tf.int64)
        >>> found = HammingSearch(k=2)(tf.constant([[[0b0011]]], tf.int64), history)
        >>> found.position.numpy().tolist(), found.relevance.numpy().tolist()
        ([[[1, 2]]], [[[-1.0, -1.0]]])

    References:
        [ETA](https://arxiv.org/abs/2108.04468) (retrieval by Hamming distance).
    """

    def call(
        self,
        candidate_signature: tf.Tensor,
        history_signature: tf.Tensor,
        history_mask: tf.Tensor | None = None,
    ) -> SearchedEvents:
        """Searches; see the class."""
        candidate_signature, history_signature, history_mask = as_tensors(
            candidate_signature, history_signature, history_mask
        )
        self._check(candidate_signature, history_signature, history_mask)
        found = best_events(
            _agreement(candidate_signature, history_signature), history_mask, self.k
        )
        # Differing bits are counted for what was found alone, not in [B, N, L].
        bits = history_signature.shape[-1] * WORD_BITS
        return found._replace(relevance=tf.where(found.mask, found.relevance - bits, 0.0))

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
        if history.shape.rank is None or history.shape[-1] is None:
            raise ValueError(
                f"HammingSearch: `history_signature` has shape {history.shape}; "
                f"expected [B, L, W] with a known W"
            )


def _agreement(candidate: tf.Tensor, history: tf.Tensor) -> tf.Tensor:
    """Counts the bits in which signatures agree, unused ones included.

    Args:
        candidate: `[B, N, W]` int64.
        history: `[B, L, W]` int64.

    Returns:
        `[B, N, L]` of a signed type that holds 64 W.
    """
    words = history.shape[-1]
    # The popcount of one word is uint8, in which 4 x 64 would wrap to 0.
    dtype = tf.int16 if words * WORD_BITS <= tf.int16.max else tf.int32
    flipped = tf.bitwise.invert(candidate)
    # Word by word: half the time of one [B, N, L, W] tensor.
    counts = [
        tf.raw_ops.PopulationCount(
            x=tf.bitwise.bitwise_xor(
                flipped[:, :, tf.newaxis, word], history[:, tf.newaxis, :, word]
            )
        )
        for word in range(words)
    ]
    return functools.reduce(operator.add, [tf.cast(count, dtype) for count in counts])
