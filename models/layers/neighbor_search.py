"""Searches a long history for the events of a candidate's neighbours: items known to be similar."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lifelong.models.layers.checks import check_dtype, check_shapes
from lifelong.models.layers.history_index import find_runs, index_history, positions_of
from lifelong.models.layers.searched_events import (
    EventSearch,
    SearchedEvents,
    capped,
    make_searched_events,
)

keras: Any = tf.keras


@keras.utils.register_keras_serializable(package="lifelong")
class NeighborSearch(EventSearch):
    """Finds the events whose item is among the `M` neighbours of each candidate.

    Which items are a candidate's neighbours is known ahead of time (for example its nearest ones by
    inner product), so that no vector is compared here. Events of a nearer neighbour come first;
    events of one neighbour by position: the more recent first where histories are sent newest
    first. Masked events are never found.

    Lists must be long: of M neighbours among all items, a history holds about M L / items, and no
    other event is found. In a large catalogue, give clusters of items in place of items.

    Of a neighbour that is listed twice the first place counts, so that no event is found twice. A
    shorter list is filled up with an id that no event has, such as -1, or with one of its own. The
    largest id of the type is no item.

    A history is sorted by item once for all candidates: the work grows with
    L log L + N (M log L + K log M + L), not with N M L.

    Args:
        k: Events to find per candidate, at least 1; K = min(k, L).
        **kwargs: Of `keras.layers.Layer`.

    Call:
        neighbors: `[B, N, M]` int64, items, nearest first. The candidate itself is found only if it
            is listed.
        history_item: `[B, L]` int64.
        history_mask: `[B, L]` bool, True for valid events; all of them by default.

    Returns:
        `SearchedEvents`, tensors of `[B, N, K]`; relevance is minus the neighbour's place in the
        list, 0 for the nearest.

    Raises:
        ValueError: If `k` is not usable, or a shape or type is not as above.

    Example:
        >>> neighbors = tf.constant([[[5, 8]]], tf.int64)
        >>> history = tf.constant([[8, 5, 9, 5]], tf.int64)
        >>> found = NeighborSearch(k=3)(neighbors, history)
        >>> found.position.numpy().tolist(), found.relevance.numpy().tolist()
        ([[[1, 3, 0]]], [[[0.0, 0.0, -1.0]]])

    References:
        [SIM](https://arxiv.org/abs/2006.05639), section 3 (soft search by an inverted index).
    """

    def compute(
        self,
        neighbors: tf.Tensor,
        history_item: tf.Tensor,
        history_mask: tf.Tensor | None = None,
    ) -> SearchedEvents:
        """Searches; see the class."""
        self._check(neighbors, history_item, history_mask)
        shape = tf.shape(neighbors)
        requests, candidates, listed = shape[0], shape[1], shape[2]
        index = index_history(history_item, history_mask)
        # [B, N, M] -> [B, N M] -> [B, N, M]
        runs = find_runs(index, tf.reshape(neighbors, [requests, candidates * listed]))
        first, count = (tf.reshape(run, shape) for run in runs)
        count = tf.where(_repeated(first, count, tf.shape(history_item)[1]), 0, count)
        # Events of each neighbour and of those before it, [B, N, M]
        total = tf.cumsum(count, axis=2)
        # [K]
        slot = tf.range(capped(self.k, history_item, axis=1))
        # [B, N, K]: the neighbour of each slot, M where there is none
        rank = _count_up_to(total, slot)
        mask = rank < listed
        # What to add to a slot for its place in the index, [B, N, M + 1]
        shift = tf.pad(first - (total - count), [[0, 0], [0, 0], [0, 1]])
        place = slot + tf.gather(shift, rank, batch_dims=2)
        relevance = tf.cast(-rank, tf.float32)
        return make_searched_events(positions_of(index, place, mask), mask, relevance)

    def _check(self, neighbors: tf.Tensor, history: tf.Tensor, mask: tf.Tensor | None) -> None:
        check_dtype("NeighborSearch", "neighbors", neighbors, tf.int64)
        check_dtype("NeighborSearch", "history_item", history, tf.int64)
        check_dtype("NeighborSearch", "history_mask", mask, tf.bool)
        check_shapes(
            "NeighborSearch",
            {
                "neighbors": (neighbors, "B N M"),
                "history_item": (history, "B L"),
                "history_mask": (mask, "B L"),
            },
        )


def _repeated(first: tf.Tensor, count: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """Marks neighbours that are listed before; those without events may be marked or not.

    Args:
        first: `[B, N, M]` int32, first place of each neighbour's events in the index, 0..L.
        count: `[B, N, M]` int32, events of each neighbour.
        length: L.

    Returns:
        `[B, N, M]` bool.
    """
    shape = tf.shape(first)
    # [B, N, M]. Neighbours without events share places with others.
    rank = tf.where(count > 0, tf.range(shape[2]), shape[2])
    # [B, N, 1]: a table of the L + 1 places for each candidate
    table = tf.reshape(tf.range(shape[0] * shape[1]), [shape[0], shape[1], 1]) * (length + 1)
    tables = shape[0] * shape[1] * (length + 1)
    earliest = tf.math.unsorted_segment_min(rank, table + first, tables)
    return tf.gather(earliest, table + first) < rank


def _count_up_to(ascending: tf.Tensor, limits: tf.Tensor) -> tf.Tensor:
    """Counts, for each of the limits `[K]`, the numbers of `[B, N, M]` that are not above it.

    Returns:
        `[B, N, K]` int32.
    """
    shape, width = tf.shape(ascending), tf.size(limits)
    rows = shape[0] * shape[1]
    # Not tf.searchsorted, which takes no axis of size 0.
    count = tf.raw_ops.UpperBound(
        sorted_inputs=tf.reshape(ascending, [rows, shape[2]]),
        values=tf.broadcast_to(limits, [rows, width]),
    )
    return tf.reshape(count, [shape[0], shape[1], width])
