"""Searches a long history for the events of the largest inner product with a candidate."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lifelong.models.layers.checks import check_dtype, check_floating, check_shapes
from lifelong.models.layers.searched_events import (
    EventSearch,
    SearchedEvents,
    best_events,
)

keras: Any = tf.keras


@keras.utils.register_keras_serializable(package="lifelong")
class InnerProductSearch(EventSearch):
    """Finds the `k` events of the largest inner product with each candidate, exactly.

    Masked events are never found, whatever they hold. Of events of the same inner product the one
    of the smaller position wins. Products are float32, whose rounding may vary with the machine and
    with the sizes of a batch: events whose products differ by no more than that are a tie, in which
    either may be found.

    Args:
        k: Events to find per candidate, at least 1; K = min(k, L).
        **kwargs: Of `keras.layers.Layer`. `dtype` has no effect: what is found must not depend on
            the precision that a model is trained in.

    Call:
        candidate: `[B, N, D]` floating point.
        history: `[B, L, D]` floating point.
        history_mask: `[B, L]` bool, True for valid events; all of them by default.

    Returns:
        `SearchedEvents`, tensors of `[B, N, K]`; relevance is the inner product, through which
        gradients flow.

    Raises:
        ValueError: If `k` is not usable, or a shape or type is not as above.

    Example:
        >>> history = tf.constant([[[1.0, 0.0], [0.0, 3.0], [2.0, 2.0]]])
        >>> found = InnerProductSearch(k=2)(tf.constant([[[2.0, 1.0]]]), history)
        >>> found.position.numpy().tolist(), found.relevance.numpy().tolist()
        ([[[2, 1]]], [[[6.0, 3.0]]])

    References:
        [SIM](https://arxiv.org/abs/2006.05639), section 3 (soft search).
    """

    def __init__(self, k: int, **kwargs: Any) -> None:
        super().__init__(k, **{**kwargs, "dtype": "float32"})

    def compute(
        self,
        candidate: tf.Tensor,
        history: tf.Tensor,
        history_mask: tf.Tensor | None = None,
    ) -> SearchedEvents:
        """Searches; see the class."""
        self._check(candidate, history, history_mask)
        # [B, N, D] x [B, L, D] -> [B, N, L]
        scores = tf.matmul(
            tf.cast(candidate, tf.float32), tf.cast(history, tf.float32), transpose_b=True
        )
        return best_events(scores, history_mask, self.k)

    def _check(self, candidate: tf.Tensor, history: tf.Tensor, mask: tf.Tensor | None) -> None:
        check_floating("InnerProductSearch", candidate=candidate, history=history)
        check_dtype("InnerProductSearch", "history_mask", mask, tf.bool)
        check_shapes(
            "InnerProductSearch",
            {
                "candidate": (candidate, "B N D"),
                "history": (history, "B L D"),
                "history_mask": (mask, "B L"),
            },
        )
