"""What every search of a long history returns, and what all searches have in common."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from lifelong.models.layers.checks import check_positive
from lifelong.models.layers.layer_of_tensors import LayerOfTensors


class SearchedEvents(NamedTuple):
    """Events that a search found for every candidate, best first.

    Attributes:
        position: `[B, N, K]` int32, positions in the searched history; 0 where `mask` is False.
        mask: `[B, N, K]` bool, False where fewer than K events were found.
        relevance: `[B, N, K]` float32, what the search ranked by, larger is better; 0 where `mask`
            is False.
    """

    position: tf.Tensor
    mask: tf.Tensor
    relevance: tf.Tensor


class EventSearch(LayerOfTensors):
    """A layer that finds at most `k` events of a long history for each candidate.

    Args:
        k: Events to find per candidate, at least 1; K = min(k, L).
        **kwargs: Of `keras.layers.Layer`.

    Raises:
        ValueError: If `k` is not usable.
    """

    def __init__(self, k: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_positive(type(self).__name__, k=k)
        self.k = k

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "k": self.k}


def best_events(scores: tf.Tensor, history_mask: tf.Tensor | None, k: int) -> SearchedEvents:
    """Finds the valid events of the largest scores.

    A masked event is never found, whatever its score and that of the others: valid scores of NaN
    and -inf count as the lowest finite number. Of equal scores the smaller position wins.

    Args:
        scores: `[B, N, L]`, floating point; or signed integers, valid ones above the smallest of
            their type.
        history_mask: `[B, L]` bool, True for valid events; all of them if None.
        k: Events to find; capped by L.

    Returns:
        `SearchedEvents`, relevance = score.

    Example:
        >>> scores = tf.constant([[[-7.0, 9.0, -8.0]]])
        >>> found = best_events(scores, tf.constant([[True, False, True]]), k=3)
        >>> found.position.numpy().tolist(), found.mask.numpy().tolist()
        ([[[0, 2, 0]]], [[[True, True, False]]])
    """
    # No valid score is as low as this.
    nothing = tf.constant(scores.dtype.min, scores.dtype)
    if scores.dtype.is_floating:
        scores = tf.where(scores > nothing, scores, nothing)
        nothing = tf.constant(float("-inf"), scores.dtype)
    if history_mask is not None:
        scores = tf.where(history_mask[:, tf.newaxis, :], scores, nothing)
    # [B, N, L] -> [B, N, K]. Of equal values, top_k puts the smaller position first.
    position = tf.math.top_k(scores, capped(k, scores, axis=2)).indices
    # Not top_k's own values, whose gradient takes no axis of size 0.
    scores = tf.gather(scores, position, batch_dims=2)
    return make_searched_events(position, scores > nothing, tf.cast(scores, tf.float32))


def make_searched_events(
    position: tf.Tensor, mask: tf.Tensor, relevance: tf.Tensor
) -> SearchedEvents:
    """Makes `SearchedEvents` of tensors that may hold anything where `mask` is False.

    Args:
        position: `[B, N, K]` int32.
        mask: `[B, N, K]` bool.
        relevance: `[B, N, K]` float32.
    """
    return SearchedEvents(
        position=tf.where(mask, position, 0), mask=mask, relevance=tf.where(mask, relevance, 0.0)
    )


def best_first(found: SearchedEvents) -> SearchedEvents:
    """Puts events in the order of their relevance; of equal ones the smaller position comes first.

    Args:
        found: Events, those of equal relevance in the order of their positions.

    Example:
        >>> found = make_searched_events(
        ...     tf.constant([[[4, 7, 0]]]), tf.constant([[[True, True, False]]]),
        ...     tf.constant([[[-3.0, -1.0, 0.0]]])
        ... )
        >>> best_first(found).position.numpy().tolist()
        [[[7, 4, 0]]]
    """
    ranked = tf.where(found.mask, found.relevance, tf.constant(float("-inf")))
    # Of all of a row, top_k is a sort that puts the smaller index first where values are equal.
    order = tf.math.top_k(ranked, tf.shape(ranked)[2]).indices
    return SearchedEvents(*(tf.gather(values, order, batch_dims=2) for values in found))


def capped(k: int, tensor: tf.Tensor, axis: int) -> int | tf.Tensor:
    """Returns `k`, or the size of an axis where that is smaller: a number if the size is static."""
    size = tensor.shape[axis]
    return tf.minimum(k, tf.shape(tensor)[axis]) if size is None else min(k, size)
