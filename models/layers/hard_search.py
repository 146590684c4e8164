"""Searches a long history for the latest events of a candidate's category."""

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
class HardSearch(EventSearch):
    """Finds the `k` events of the smallest positions among those of each candidate's category.

    They are the most recent ones where histories are sent newest first. Masked events are never
    found. Equal ids are one category, also an id that stands for all unknown ones. The largest id
    of the type is no category.

    A history is sorted by category once for all candidates: the work grows with
    L log L + N (log L + K), not with N L.

    Args:
        k: Events to find per candidate, at least 1; K = min(k, L).
        **kwargs: Of `keras.layers.Layer`.

    Call:
        candidate_category: `[B, N]` int32 or int64.
        history_category: `[B, L]` of the same type.
        history_mask: `[B, L]` bool, True for valid events; all of them by default.

    Returns:
        `SearchedEvents`, tensors of `[B, N, K]`, by position; relevance 1.

    Raises:
        ValueError: If `k` is not usable, or a shape or type is not as above.

    Example:
        >>> found = HardSearch(k=2)(tf.constant([[7, 9]]), tf.constant([[7, 8, 9, 7, 7]]))
        >>> found.position.numpy().tolist(), found.mask.numpy().tolist()
        ([[[0, 3], [2, 0]]], [[[True, True], [True, False]]])

    References:
        [SIM](https://arxiv.org/abs/2006.05639), section 3 (hard search).
    """

    def compute(
        self,
        candidate_category: tf.Tensor,
        history_category: tf.Tensor,
        history_mask: tf.Tensor | None = None,
    ) -> SearchedEvents:
        """Searches; see the class."""
        self._check(candidate_category, history_category, history_mask)
        index = index_history(history_category, history_mask)
        # [B, N]
        first, count = find_runs(index, candidate_category)
        # [K]
        slot = tf.range(capped(self.k, history_category, axis=1))
        # [B, N, K]
        mask = slot < count[:, :, tf.newaxis]
        position = positions_of(index, first[:, :, tf.newaxis] + slot, mask)
        return make_searched_events(position, mask, tf.ones_like(position, tf.float32))

    def _check(self, candidate: tf.Tensor, history: tf.Tensor, mask: tf.Tensor | None) -> None:
        check_dtype("HardSearch", "candidate_category", candidate, tf.int32, tf.int64)
        check_dtype("HardSearch", "history_category", history, candidate.dtype)
        check_dtype("HardSearch", "history_mask", mask, tf.bool)
        check_shapes(
            "HardSearch",
            {
                "candidate_category": (candidate, "B N"),
                "history_category": (history, "B L"),
                "history_mask": (mask, "B L"),
            },
        )
