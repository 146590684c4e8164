"""Searches a long history for the events whose signatures are nearest to a candidate's."""

from __future__ import annotations

import functools
import operator
from typing import Any, NamedTuple

import tensorflow as tf

from lifelong.models.layers.checks import check_dtype, check_positive, check_shapes

keras: Any = tf.keras

WORD_BITS = 64


class SearchedEvents(NamedTuple):
    """Events that a search found for every candidate, nearest first.

    Attributes:
        position: `[B, N, K]` int32, positions in the searched history; 0 where `mask` is False.
        mask: `[B, N, K]` bool, False where the history has fewer than K valid events.
        distance: `[B, N, K]` int32, differing bits; -1 where `mask` is False.
    """

    position: tf.Tensor
    mask: tf.Tensor
    distance: tf.Tensor


@keras.utils.register_keras_serializable(package="lifelong")
class HammingSearch(keras.layers.Layer):
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
        `SearchedEvents`, tensors of `[B, N, K]`, nearest first.

    Raises:
        ValueError: If `k` is not usable, a shape or type is not as above, or W is unknown.

    Example:
        >>> history = tf.constant([[[0b1111], [0b0001], [0b0111]]], tf.int64)
        >>> found = HammingSearch(k=2)(tf.constant([[[0b0011]]], tf.int64), history)
        >>> found.position.numpy().tolist(), found.distance.numpy().tolist()
        ([[[1, 2]]], [[[1, 1]]])

    References:
        [ETA](https://arxiv.org/abs/2108.04468) (retrieval by Hamming distance).
    """

    def __init__(self, k: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_positive("HammingSearch", k=k)
        self.k = k

    def call(
        self,
        candidate_signature: tf.Tensor,
        history_signature: tf.Tensor,
        history_mask: tf.Tensor | None = None,
    ) -> SearchedEvents:
        """Searches; see the class."""
        # tf_keras converts a layer's first argument alone.
        candidate_signature = tf.convert_to_tensor(candidate_signature)
        history_signature = tf.convert_to_tensor(history_signature)
        if history_mask is not None:
            history_mask = tf.convert_to_tensor(history_mask)
        self._check(candidate_signature, history_signature, history_mask)
        words, length = history_signature.shape[-1], history_signature.shape[1]
        # [B, N, L]
        agreement = _agreement(candidate_signature, history_signature)
        if history_mask is not None:
            # No agreement is negative, so a masked event loses against every valid one.
            nothing = tf.constant(-1, agreement.dtype)
            agreement = tf.where(history_mask[:, tf.newaxis, :], agreement, nothing)
        # [B, N, L] -> [B, N, K]. Of equal values, top_k puts the smaller position first.
        k = tf.minimum(self.k, tf.shape(agreement)[-1]) if length is None else min(self.k, length)
        agreement, position = tf.math.top_k(agreement, k)
        mask = agreement >= 0
        distance = words * WORD_BITS - tf.cast(agreement, tf.int32)
        return SearchedEvents(
            position=tf.where(mask, position, 0), mask=mask, distance=tf.where(mask, distance, -1)
        )

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

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "k": self.k}


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
