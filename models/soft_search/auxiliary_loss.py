"""The click loss of its own that trains soft search."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lifelong.models.layers import length_mask

keras: Any = tf.keras

_HIDDEN = 32


class AuxiliaryClickLoss(keras.layers.Layer):
    """Predicts clicks from the long history pooled by relevance, U_r = sum_i r_i e_i.

    The relevance r_i = (W_b e_i) . (W_a e_a) is not normalised, as in the article; the sum is
    divided by the square root of the number of events, so that long histories do not drown the
    rest. Since U_r is linear in the candidate, the events are summed once per request to a matrix
    sum_i (W_b e_i) e_i^T, not once per candidate.

    Args:
        dim: Size D of e.

    References:
        - [Search-based User Interest Modeling, section 3.2](https://arxiv.org/abs/2006.05639)
    """

    def __init__(self, dim: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.head = keras.Sequential(
            [keras.layers.Dense(_HIDDEN, activation="relu"), keras.layers.Dense(1)], name="head"
        )
        # Now, as the loss is first computed in training, after weights may have been loaded.
        self.head.build([None, None, 2 * dim])

    def call(
        self,
        events: tf.Tensor,
        projected_events: tf.Tensor,
        mask: tf.Tensor,
        candidates: tf.Tensor,
        projected_candidates: tf.Tensor,
    ) -> tf.Tensor:
        """Returns the logits of the candidates, `[B, N]`.

        Args:
            events: e_i, `[B, L, D]`.
            projected_events: W_b e_i, `[B, L, P]`.
            mask: `[B, L]` bool, True for valid events.
            candidates: e_a, `[B, N, D]`.
            projected_candidates: W_a e_a, `[B, N, P]`.
        """
        valid = tf.cast(mask, events.dtype)[:, :, tf.newaxis]
        # [B, P, L] x [B, L, D] -> [B, P, D]
        pooled = tf.matmul(projected_events * valid, events, transpose_a=True)
        # [B, N, P] x [B, P, D] -> [B, N, D]
        interest = tf.matmul(projected_candidates, pooled)
        count = tf.reduce_sum(valid, axis=1, keepdims=True)
        interest /= tf.sqrt(tf.maximum(count, 1.0))
        return tf.squeeze(self.head(tf.concat([interest, candidates], axis=-1)), axis=-1)


def click_loss(logits: tf.Tensor, labels: tf.Tensor, candidate_length: tf.Tensor) -> tf.Tensor:
    """Returns the mean log loss of the valid candidates.

    Args:
        logits: `[B, N]`.
        labels: `[B, N]`.
        candidate_length: `[B]`.
    """
    valid = length_mask(candidate_length, tf.shape(logits)[1])
    return keras.losses.BinaryCrossentropy(from_logits=True)(
        tf.boolean_mask(labels, valid), tf.boolean_mask(logits, valid)
    )
